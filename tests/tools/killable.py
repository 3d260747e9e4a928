"""Small runs of tools/train_net.py, each in a process of its own that can be killed."""

import json

import numpy as np

from engine.checkpoint import load_checkpoint, load_weights
from tests.comparison import assert_same
from tests.forks import Run
from utils.images import write_image

# Everything that a resumed run could get wrong: batch norm, dropout, all generators, and a
# moment to die at: KILL=train:5 is within the fifth forward pass of training, val:2 of validation.
# From POISON=15 on, the fifteenth pass of training, pictures are not numbers any more.
LAB = """
import os, random, signal
import numpy as np
import torch
from torch import nn
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

passes = {"train": 0, "val": 0}

@ARCHITECTURES.register
class LabNet(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.descriptor = Descriptor(channels=1)
        self.body = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        moment = "train" if self.training else "val"
        passes[moment] += 1
        if os.environ.get("KILL") == f"{moment}:{passes[moment]}":
            os.kill(os.getpid(), signal.SIGKILL)
        if int(os.environ.get("POISON", "9999")) <= passes["train"] and self.training:
            x = x * float("nan")
        y = self.dropout(self.norm(self.body(x)).relu())
        if self.training:
            y = y * (1 + 0.1 * (random.random() + np.random.rand() + torch.rand(())))
        return x + self.head(y)
"""

CONFIG = """
PLUGINS: [lab]
DEVICE: cpu
MODEL: {NAME: LabNet}
LOSSES: {pixel: {NAME: L1}}
DATASETS:
  TRAIN: {NAME: PairedFolders, ARGS: {input: train/input, target: train/target}}
  VAL: {NAME: PairedFolders, ARGS: {input: val/input, target: val/target}}
DATA:
  CHANNELS: 1
  BATCH_SIZE: 4
  WORKERS: 0
  TRANSFORMS:
    - {NAME: RandomCrop, ARGS: {size: 16}}
    - {NAME: RandomFlip}
SOLVER:
  EPOCHS: 6
  LR: 0.01
  ACCUMULATE: 2
  AVERAGE: 0.9
  CLIP_NORM: 1.0
  SCHEDULER: {NAME: ReduceOnPlateau, ARGS: {metric: psnr, patience: 0, min_delta: 0.3}}
VALIDATION: {PATIENCE: 5, SAMPLES: 1}
METRICS: {psnr: {NAME: PSNR}}
LOG: {PERIOD: 2}
CHECKPOINT: {PERIOD: 2}
"""
TIMING = ("speed", "eta")
STEPS = 18  # three an epoch, the last of two samples


def make_lab(folder):
    """A folder to run in: ten pairs to learn from, two or six to validate on, a part, a config."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 2), ("more", 6)):
        for number in range(count):
            coarse = rng.integers(0, 200, (6, 7, 1))
            target = np.kron(coarse, np.ones((4, 4, 1))).astype(np.uint8)
            for half, image in (("target", target), ("input", target + 40)):
                (folder / split / half).mkdir(parents=True, exist_ok=True)
                write_image(folder / split / half / f"{number}.png", image)
    (folder / "lab.py").write_text(LAB)
    (folder / "run.yml").write_text(CONFIG)


class Starter:
    """Starts runs of tools/train_net.py in `folder`, one at a time."""

    def __init__(self, folder):
        self.folder = folder
        self._running = None

    def start(self, *words, limit=0, **environment):
        """Start a run with these words on the command line; give its process's id.

        Args:
            limit: bytes that no file may grow beyond, as if the disk were full; 0 is none.
        """
        self.close()
        words = ["--config-file", "run.yml", *words]
        self._running = Run("train_net", words, self.folder, environment, limit)
        return self._running.pid

    def wait(self):
        """The exit code of the run that was started last, negative for a signal; its output."""
        ended = self._running.wait()
        return ended.returncode, ended.stdout + ended.stderr

    def run(self, *words, **options):
        """Start a run and wait for its end."""
        self.start(*words, **options)
        return self.wait()

    def close(self):
        """End a run that a failed test left."""
        if self._running is not None:
            self._running.kill()


def records(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in TIMING} for row in rows]


def assert_same_run(first, second):
    """Everything that would decide how a run goes on, and everything it left to be used."""
    states = [load_checkpoint(folder / "checkpoints" / "last.pt") for folder in (first, second)]
    for state in states:
        state["config"].pop("OUTPUT_DIR")
    assert_same(*states)
    parts = {"networks", "average", "generators", "tracker", "meter", "history", "update of model"}
    assert parts < set(states[0])
    assert set(states[0]["update of model"]) == {"optimizer", "scheduler", "scaler"}
    assert states[0]["average"]["count"] == states[0]["position"]["iteration"] == STEPS
    weights = [
        load_weights(folder / "checkpoints" / "best.safetensors") for folder in (first, second)
    ]
    assert_same(weights[0][0], weights[1][0])
    assert weights[0][2] == weights[1][2]
    assert records(first) == records(second)
    left = [
        {path.relative_to(folder) for path in folder.rglob("*") if "tfevents" not in path.name}
        for folder in (first, second)
    ]
    assert left[0] == left[1]
