"""Every option of Pellucid with its default. A YAML file states only what differs."""

from config.node import Config

_C = Config()

_C.SEED = 0  # seeds weights, order and every random draw; a sample depends on (SEED, epoch, index)
_C.OUTPUT_DIR = "output"  # folder of the run: config.yml, log.txt, checkpoints/, plots/, samples/
_C.DEVICE = "auto"  # auto takes CUDA when there is one; else cpu, cuda, cuda:1
_C.PRECISION = "auto"  # auto is bf16 on CUDA and float32 on CPU; else float32, bf16, fp16
_C.PLUGINS = []  # modules to import first, which register parts of your own

_C.LEARNER = Config(NAME="Supervised", ARGS=Config())  # what one training step does

_C.MODEL = Config()
_C.MODEL.NAME = "UNet"  # a registered architecture
_C.MODEL.ARGS = Config()  # its keyword arguments
_C.MODEL.WEIGHTS = ""  # a .safetensors file to start from; empty starts from random weights

_C.LOSSES = Config()  # named map, summed by weight: pixel: {NAME: L1, WEIGHT: 1.0, ARGS: {}}

_C.DATASETS = Config()
_C.DATASETS.TRAIN = Config(NAME="", ARGS=Config())  # data set to learn from
_C.DATASETS.VAL = Config(NAME="", ARGS=Config())  # data set that picks the best weights
_C.DATASETS.TEST = Config(NAME="", ARGS=Config())  # measured by test_net; without NAME: VAL
_C.DATASETS.CACHE = "none"  # disk or ram decodes each picture once: for all runs, or for this one
_C.DATASETS.CACHE_GB = 50.0  # 10^9 bytes it may take, of a machine; a pixel has one per channel
_C.DATASETS.CACHE_DIR = "datasets/.decoded"  # where disk keeps its copies
_C.DATASETS.HELP = ""  # what to tell a user whose data set is missing: where it is, what to run

_C.DATA = Config()
_C.DATA.CHANNELS = 3  # 1 reads pictures as gray (BT.601 luma), 3 as RGB
_C.DATA.TRANSFORMS = []  # training only, in order: - {NAME: RandomCrop, ARGS: {size: 128}}
_C.DATA.DEGRADATIONS = []  # make `input` from `target` where a data set has clean pictures only
_C.DATA.LABELLER = Config(NAME="", ARGS=Config())  # makes labelled pictures, for a classifier
_C.DATA.REPRESENTATION = Config(NAME="", ARGS=Config())  # what a classifier sees of a picture
_C.DATA.EPOCH_SIZE = None  # samples in an epoch, drawn from the data set; None takes each once
_C.DATA.BATCH_SIZE = 16  # training samples a step, over all processes
_C.DATA.MAX_UNREADABLE = 0  # unreadable training files that are skipped and named, not refused
_C.DATA.WORKERS = 2  # loader processes of each training process; 0 loads in it

_C.SOLVER = Config()
_C.SOLVER.OPTIMIZER = Config(NAME="Adam", ARGS=Config())  # how gradients change weights
_C.SOLVER.LR = 1e-4  # base learning rate
_C.SOLVER.SCHEDULER = Config(NAME="Constant", ARGS=Config())  # learning rate over time
_C.SOLVER.NETWORKS = Config()  # what differs for another network: discriminator: {LR: 4e-4}
_C.SOLVER.EPOCHS = 50  # length of the run
_C.SOLVER.ITERATIONS = None  # a length in optimizer steps instead; EPOCHS is then ignored
_C.SOLVER.SYNC_BATCHNORM = False  # batch norm over the samples of all processes; CUDA only
_C.SOLVER.ACCUMULATE = 1  # parts a batch is worked on in, one after another; batch norm sees a part
_C.SOLVER.RECOMPUTE = False  # compute activations anew going backward: less memory, more time
_C.SOLVER.CLIP_NORM = None  # gradients with a larger global norm are shortened to this
_C.SOLVER.AVERAGE = None  # decay of averaged weights (0.999), which are then validated and kept
_C.SOLVER.MAX_SKIPPED = 20  # the run stops after so many steps in a row that were not finite

_C.SPEED = Config()
_C.SPEED.MEMORY_FORMAT = "auto"  # auto takes the one that wins; else contiguous, channels_last
_C.SPEED.FUSED = True  # optimizers change all weights in one kernel, where they can
_C.SPEED.COMPILE = False  # torch.compile the networks: minutes at the start, for faster steps
_C.SPEED.CUDA_GRAPHS = False  # with COMPILE on one GPU: a step's kernels are launched as one

_C.VALIDATION = Config()
_C.VALIDATION.PERIOD = 1  # epochs between validations; the last epoch is always validated
_C.VALIDATION.TRACK = "psnr"  # the metric, or loss, that picks best weights and stops early
_C.VALIDATION.PATIENCE = None  # stop after so many validations without a better TRACK; None never
_C.VALIDATION.SAMPLES = 4  # pictures drawn on sample sheets and in TensorBoard

_C.METRICS = Config()  # named map: psnr: {NAME: PSNR, ARGS: {crop_border: 4, y_channel: true}}
_C.BASELINES = Config()  # named map: what test_net measures too, untrained: gamma: {NAME: Gamma}

_C.CHECKPOINT = Config()
_C.CHECKPOINT.PERIOD = 1000  # optimizer steps between checkpoints, besides each epoch's end
_C.CHECKPOINT.KEEP = 2  # checkpoints that remain: last.pt, last-1.pt, ...

_C.LOG = Config()
_C.LOG.PERIOD = 50  # optimizer steps between log lines; losses are read from the device only then


def get_defaults() -> Config:
    """A fresh, changeable copy of every default."""
    return _C.clone()
