"""Whole small runs on the CPU: what they leave behind, when they stop, and how they go on."""

import json
import logging
import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

import config
from config import get_defaults
from engine.checkpoint import load_checkpoint, load_weights, save_weights
from engine.metrics import METRICS, PSNR
from engine.trainer import Trainer
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES, LOSSES
from tests.comparison import assert_same
from utils.errors import CheckpointError, ConfigError, PellucidError, TrainingError
from utils.images import write_image


@ARCHITECTURES.register
class TinyNet(nn.Module):
    """Draws at random while it learns, and remembers in which mode it was called."""

    def __init__(self, width=4):
        super().__init__()
        self.descriptor = Descriptor(channels=1)
        self.body = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Conv2d(width, 1, 3, padding=1)
        self.modes = []

    def forward(self, x):
        self.modes.append((torch.is_inference_mode_enabled(), self.training))
        return x + self.head(self.dropout(self.norm(self.body(x)).relu()))


@LOSSES.register
class SignallingL1(nn.L1Loss):
    """L1 that sends this process a signal when it is asked for the `call`th time."""

    number = signal.SIGTERM

    def __init__(self, call=0):
        super().__init__()
        self.calls, self.call = 0, call

    def forward(self, output, target):
        self.calls += 1
        if self.calls == self.call:
            os.kill(os.getpid(), self.number)
        return super().forward(output, target)


@LOSSES.register
class Broken(nn.Module):
    """Not a number from the `call`th time on."""

    def __init__(self, call):
        super().__init__()
        self.calls, self.call = 0, call

    def forward(self, output, target):
        self.calls += 1
        return (output - target).abs().mean() * (float("nan") if self.calls >= self.call else 1)


@METRICS.register
class Scripted(PSNR):
    """Gives the values it was told, one a validation."""

    def __init__(self, values):
        super().__init__()
        self.values = list(values)

    def compute(self, sums=None):
        return self.values.pop(0)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Six pairs to learn from and two to validate on: the input is 40 too bright."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        for number in range(count):
            target = np.kron(rng.integers(0, 200, (6, 7, 1)), np.ones((4, 4, 1))).astype(np.uint8)
            for half, image in (("target", target), ("input", target + 40)):
                (folder / split / half).mkdir(parents=True, exist_ok=True)
                write_image(folder / split / half / f"{number}.png", image)
    return folder


@pytest.fixture
def make(pairs, tmp_path):
    """A changeable config of a run: two epochs of three steps."""

    def build(name="run", **options):
        cfg = get_defaults()
        cfg.OUTPUT_DIR = str(tmp_path / name)
        cfg.DEVICE = "cpu"
        cfg.MODEL.NAME = "TinyNet"
        cfg.LOSSES["pixel"] = config.Config(NAME="SignallingL1", WEIGHT=1.0, ARGS=config.Config())
        for split in ("TRAIN", "VAL"):
            cfg.DATASETS[split].NAME = "PairedFolders"
            for half in ("input", "target"):
                cfg.DATASETS[split].ARGS[half] = str(pairs / split.lower() / half)
        cfg.DATA.CHANNELS, cfg.DATA.BATCH_SIZE, cfg.DATA.WORKERS = 1, 2, 0
        cfg.SOLVER.EPOCHS, cfg.SOLVER.LR = 2, 0.01
        cfg.VALIDATION.SAMPLES = 1
        cfg.METRICS["psnr"] = config.Config(NAME="PSNR", ARGS=config.Config())
        cfg.LOG.PERIOD = 2
        for key, value in options.items():
            *path, leaf = key.split("__")
            node = cfg
            for part in path:
                node = node[part]
            node[leaf] = value
        return cfg

    return build


@pytest.fixture(autouse=True)
def quiet_afterwards():
    yield
    for handler in list(logging.getLogger("pellucid").handlers):
        logging.getLogger("pellucid").removeHandler(handler)
        handler.close()


def run(cfg, resume=False):
    trainer = Trainer(cfg, resume)
    trainer.train()
    return trainer


def last(cfg):
    return load_checkpoint(f"{cfg.OUTPUT_DIR}/checkpoints/last.pt")


def assert_same_run(first, second):
    """All that decides how two runs would go on, and what they measured."""
    first, second = last(first), last(second)
    for state in (first, second):
        state.pop("config")
    assert_same(first, second)


def test_a_run_learns_and_leaves_what_the_design_names(make):
    cfg = make(SOLVER__EPOCHS=3)
    trainer = run(cfg)
    folder = trainer.output.path
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert [row["iteration"] for row in rows if row["kind"] == "step"] == [2, 4, 6, 8]
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    assert epochs[-1]["train/loss"] < epochs[0]["train/loss"]
    assert {"lr", "val/loss", "val/psnr"} < set(epochs[0])
    assert {path.name for path in (folder / "samples").iterdir()} == {
        f"epoch_00{n}.png" for n in (1, 2, 3)
    }
    assert (folder / "plots" / "curves.png").stat().st_size > 1000
    assert list(folder.glob("events.out.tfevents.*"))
    assert config.as_dict(config.load_config(folder / "config.yml")) == config.as_dict(cfg)
    state, saved, metrics = load_weights(folder / "checkpoints" / "best.safetensors")
    assert set(state) == set(trainer.parts.model.state_dict())
    assert config.as_dict(saved) == config.as_dict(cfg)
    assert metrics["val"]["psnr"] == max(row["val/psnr"] for row in epochs)
    assert metrics["protocol"]["psnr"]["bits"] == 8
    # 40 of 255 too bright, everywhere
    assert metrics["input"]["psnr"] == pytest.approx(20 * np.log10(255 / 40), abs=1e-4)
    log = (folder / "log.txt").read_text()
    assert "TinyNet: 85 parameters" in log and "it/s" not in log and "\r" not in log


def test_validation_runs_in_eval_and_training_in_train_every_epoch(make):
    modes = run(make(SOLVER__EPOCHS=3)).parts.model.modes
    assert modes == [(False, True)] * 3 + [(True, False)] * 2 + modes[5:]
    assert set(modes) == {(False, True), (True, False)}
    assert modes[5:10] == modes[10:15] == modes[:5]


def test_how_often_it_validates_does_not_change_what_it_learns(make):
    often, rarely = make("often", SOLVER__EPOCHS=3), make("rarely", SOLVER__EPOCHS=3)
    rarely.VALIDATION.PERIOD = 2
    run(often)
    run(rarely)
    assert_same(last(often)["networks"], last(rarely)["networks"])
    assert ["val/psnr" in row["values"] for row in last(rarely)["history"]] == [False, True, True]


@pytest.mark.parametrize("schedule", ["Constant", "ReduceOnPlateau"])
def test_a_run_resumed_after_an_epoch_ends_with_the_same_bits(make, schedule):
    whole, parts = make("whole", SOLVER__EPOCHS=3), make("parts", SOLVER__EPOCHS=1)
    for cfg in (whole, parts):
        cfg.SOLVER.AVERAGE, cfg.SOLVER.ACCUMULATE, cfg.SOLVER.CLIP_NORM = 0.9, 2, 0.1
        cfg.SOLVER.SCHEDULER.NAME = schedule
        if schedule == "ReduceOnPlateau":
            cfg.SOLVER.SCHEDULER.ARGS["metric"] = "psnr"
            cfg.SOLVER.SCHEDULER.ARGS["patience"] = 0
    run(whole)
    run(parts)
    torch.rand(5)  # whatever else the process draws is put right
    parts.SOLVER.EPOCHS = 3
    run(parts, resume=True)
    assert_same_run(whole, parts)


# Calls of the loss: 3 steps and 2 validation pictures an epoch.
@pytest.mark.parametrize("call", [1, 3, 4, 7], ids=["first", "last", "validation", "second epoch"])
def test_a_run_stopped_anywhere_is_saved_and_ends_with_the_same_bits(make, call):
    whole, stopped = make("whole"), make("stopped")
    run(whole)
    trainer = Trainer(stopped)
    trainer.parts.step.learner.losses["pixel"][0].call = call
    with pytest.raises(SystemExit) as left:
        trainer.train()
    assert left.value.code == 143
    log = (trainer.output.path / "log.txt").read_text()
    assert "stopped by SIGTERM" in log and "--resume" in log
    resumed = run(stopped, resume=True)
    assert_same_run(whole, stopped)
    lines = (resumed.output.path / "metrics.jsonl").read_text().splitlines()
    steps = [(row["kind"], row["iteration"]) for row in map(json.loads, lines)]
    assert len(steps) == len(set(steps))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_saves_too(make, monkeypatch):
    monkeypatch.setattr(SignallingL1, "number", signal.SIGINT)
    cfg = make()
    trainer = Trainer(cfg)
    trainer.parts.step.learner.losses["pixel"][0].call = 2
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert last(cfg)["position"] == {"epoch": 1, "step": 2, "iteration": 2}


def scripted(make, values, patience=None):
    cfg = make(SOLVER__EPOCHS=6)
    cfg.METRICS["psnr"].NAME = "Scripted"
    cfg.METRICS["psnr"].ARGS["values"] = values
    cfg.VALIDATION.PATIENCE = patience
    return cfg


def test_stops_early_and_keeps_the_best_weights_not_the_last(make, monkeypatch):
    cfg = scripted(make, [20.0, 25.0, 24.0, 23.0, 30.0, 30.0], patience=2)
    trainer = Trainer(cfg)
    kept = {}
    trainer.history.put = lambda kind, epoch, iteration, values: kept.setdefault(
        (kind, epoch), trainer.parts.model.head.weight.detach().clone()
    )
    trainer.train()
    state, _, metrics = load_weights(trainer.output.best)
    assert (metrics["epoch"], metrics["val"]["psnr"]) == (2, 25.0)
    assert torch.equal(state["head.weight"], kept["epoch", 2])
    assert not torch.equal(state["head.weight"], kept["epoch", 4])
    assert ("epoch", 5) not in kept
    assert "stopped early" in (trainer.output.path / "log.txt").read_text()


def test_best_and_patience_survive_a_resume(make):
    cfg = scripted(make, [25.0, 24.0], patience=2)
    cfg.SOLVER.EPOCHS = 2
    run(cfg)
    cfg.SOLVER.EPOCHS = 6
    cfg.METRICS["psnr"].ARGS["values"] = [24.5, 99.0]
    trainer = run(cfg, resume=True)
    assert (trainer.parts.tracker.value, trainer.parts.tracker.epoch) == (25.0, 1)
    assert trainer.position.epoch == 4  # one more worse epoch was enough
    assert load_weights(trainer.output.best)[2]["epoch"] == 1


def test_the_best_can_be_tracked_by_validation_loss(make):
    trainer = run(make(VALIDATION__TRACK="loss"))
    values = [record.values["val/loss"] for record in trainer.history.epochs]
    assert trainer.parts.tracker.value == min(values)


def test_length_in_iterations(make):
    cfg = make(SOLVER__ITERATIONS=4, SOLVER__EPOCHS=1)
    assert run(cfg).position.iteration == 4
    assert [record["iteration"] for record in last(cfg)["history"]] == [3, 4]
    with_more = make("more", SOLVER__ITERATIONS=6)
    run(with_more)
    assert [record["iteration"] for record in last(with_more)["history"]] == [3, 6]


def test_a_complete_run_stays_as_it_is(make):
    cfg = make()
    run(cfg)
    before = last(cfg)
    run(cfg, resume=True)
    assert_same(last(cfg), before)


def test_starts_from_given_weights(make, tmp_path):
    model = TinyNet()
    save_weights(tmp_path / "start.safetensors", model, get_defaults(), {})
    trainer = Trainer(make(MODEL__WEIGHTS=str(tmp_path / "start.safetensors")))
    assert_same(dict(trainer.parts.model.state_dict()), dict(model.state_dict()))
    trainer.train()
    (tmp_path / "start.safetensors").unlink()  # a resumed run has no need of it
    run(trainer.cfg, resume=True)
    with pytest.raises(CheckpointError, match="none.safetensors"):
        Trainer(make("other", MODEL__WEIGHTS=str(tmp_path / "none.safetensors")))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_and_resumes(make, precision):
    trainer = run(make(PRECISION=precision))
    assert trainer.parts.precision == precision
    first, second = (record.values["train/loss"] for record in trainer.history.epochs)
    assert second < first
    scale = trainer.parts.updates["model"].scaler.state_dict().get("scale")
    resumed = Trainer(make(PRECISION=precision, SOLVER__EPOCHS=3), resume=True)
    assert resumed.parts.updates["model"].scaler.state_dict().get("scale") == scale
    resumed.train()


@pytest.mark.parametrize(("call", "which"), [(2, "training"), (4, "validation")])
def test_a_loss_that_is_not_a_number_is_an_error(make, call, which):
    cfg = make(SOLVER__MAX_SKIPPED=2)
    cfg.LOSSES["pixel"].NAME = "Broken"
    cfg.LOSSES["pixel"].ARGS["call"] = call
    trainer = Trainer(cfg)
    with pytest.raises(TrainingError, match=f"the {which} (loss is nan|pixel was not finite)"):
        trainer.train()
    assert not trainer.output.best.exists()


@LOSSES.register
class SometimesBroken(nn.Module):
    """Not a number the `calls`th times it is asked."""

    def __init__(self, calls):
        super().__init__()
        self.asked, self.calls = 0, calls

    def forward(self, output, target):
        self.asked += 1
        return (output - target).abs().mean() * (float("nan") if self.asked in self.calls else 1)


def test_a_bad_step_is_left_out_counted_and_told(make):
    cfg = make(SOLVER__MAX_SKIPPED=2, SOLVER__AVERAGE=0.9)
    cfg.LOSSES["pixel"].NAME = "SometimesBroken"
    cfg.LOSSES["pixel"].ARGS["calls"] = [1, 3]
    trainer = run(cfg)
    rows = [json.loads(line) for line in (trainer.output.path / "metrics.jsonl").open()]
    assert [row.get("skipped") for row in rows if row["kind"] == "step"] == [1, None, None]
    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert [row.get("train/skipped") for row in epochs] == [2, None]
    assert all(row["train/loss"] > 0 for row in epochs)
    state = last(cfg)
    assert state["average"]["count"] == 4
    assert all(torch.isfinite(value).all() for value in state["networks"]["model"].values())


def test_bad_steps_in_a_row_end_the_run_and_leave_the_checkpoint(make):
    cfg = make(SOLVER__EPOCHS=1)
    run(cfg)
    cfg.SOLVER.EPOCHS, cfg.SOLVER.MAX_SKIPPED = 9, 5
    trainer = Trainer(cfg, resume=True)
    trainer.parts.step.learner.losses = {"pixel": (Broken(call=2), 1.0)}
    message = r"training pixel was not finite in 5 steps in a row, up to step 9 in epoch 3"
    with pytest.raises(TrainingError, match=message):
        trainer.train()
    state = last(cfg)
    assert state["position"]["iteration"] == 6  # two of the five were before it
    assert all(torch.isfinite(value).all() for value in state["networks"]["model"].values())


def test_the_averaged_weights_are_validated_shown_and_kept(make):
    cfg = make(SOLVER__AVERAGE=0.5)
    trainer = run(cfg)
    state, model = last(cfg), trainer.parts.model
    best, _, metrics = load_weights(trainer.output.best)
    averaged = trainer.parts.average.model
    assert metrics["epoch"] == 2
    assert_same(best, dict(sorted(averaged.state_dict().items())))
    assert not torch.equal(best["norm.running_mean"], model.norm.running_mean)
    assert not torch.equal(best["head.weight"], model.head.weight)
    assert state["average"]["count"] == 6
    assert all(not training for _, training in averaged.modes)


def test_losses_are_summed_by_weight(make):
    cfg = make(SOLVER__EPOCHS=1)
    cfg.LOSSES["half"] = config.Config(NAME="SignallingL1", WEIGHT=0.5, ARGS=config.Config())
    values = run(cfg).history.epochs[0].values
    for split in ("train", "val"):
        assert values[f"{split}/pixel"] == values[f"{split}/half"]
        assert values[f"{split}/loss"] == pytest.approx(1.5 * values[f"{split}/pixel"])


def test_refuses_to_validate_on_the_training_pictures(make, tmp_path):
    cfg = make()
    cfg.DATASETS.VAL = cfg.DATASETS.TRAIN.clone()
    with pytest.raises(ConfigError, match=r"DATASETS\.VAL: is the same data set"):
        Trainer(cfg)
    assert not (tmp_path / "run").exists()


def test_refuses_to_begin_where_a_run_is(make):
    cfg = make(SOLVER__EPOCHS=1)
    run(cfg)
    before = last(cfg)
    with pytest.raises(TrainingError, match="--resume, or choose another OUTPUT_DIR"):
        Trainer(cfg)
    assert_same(last(cfg), before)


def test_checkpoints_within_an_epoch_are_kept_in_a_bounded_number(make):
    cfg = make(CHECKPOINT__PERIOD=1, CHECKPOINT__KEEP=3)
    trainer = run(cfg)
    folder = trainer.output.last.parent
    found = {path.name: load_checkpoint(path)["position"] for path in folder.glob("*.pt")}
    assert found == {
        "last.pt": {"epoch": 3, "step": 0, "iteration": 6},
        "last-1.pt": {"epoch": 2, "step": 3, "iteration": 6},
        "last-2.pt": {"epoch": 2, "step": 2, "iteration": 5},
    }
    fewer = make(CHECKPOINT__KEEP=1, SOLVER__EPOCHS=3)
    run(fewer, resume=True)
    assert [path.name for path in folder.glob("*.pt")] == ["last.pt"]


def test_a_torn_checkpoint_is_refused_and_the_one_before_it_goes_on(make):
    whole, torn = make("whole", SOLVER__EPOCHS=3), make("torn", CHECKPOINT__PERIOD=2)
    run(whole)
    folder = run(torn).output.last.parent
    last_pt, before = folder / "last.pt", folder / "last-1.pt"
    last_pt.write_bytes(last_pt.read_bytes()[:-1000])
    torn.SOLVER.EPOCHS = 3
    with pytest.raises(CheckpointError, match=rf"{last_pt}: is no whole .*--resume-from {before}"):
        Trainer(torn, resume=True)
    with pytest.raises(TrainingError, match="a run is already there"):
        Trainer(torn)
    trainer = Trainer(torn, resume_from=before)
    assert not last_pt.exists()  # else it would push the whole one out
    trainer.train()
    torn.CHECKPOINT.PERIOD = whole.CHECKPOINT.PERIOD
    assert_same_run(whole, torn)
    last_pt.unlink()
    with pytest.raises(CheckpointError, match=rf"no such checkpoint; .*--resume-from {before}"):
        Trainer(torn, resume=True)


def test_goes_on_from_a_checkpoint_of_this_run_only(make, tmp_path):
    run(make(SOLVER__EPOCHS=1))
    other = make("other", SOLVER__EPOCHS=1, SEED=5)
    run(other)
    with pytest.raises(TrainingError, match="cannot go on with another SEED"):
        Trainer(make(), resume_from=f"{other.OUTPUT_DIR}/checkpoints/last.pt")
    (tmp_path / "foreign.pt").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="foreign.pt: is no whole checkpoint"):
        Trainer(make(), resume_from=tmp_path / "foreign.pt")
    with pytest.raises(TrainingError, match="no run to go on with"):
        Trainer(make("empty"), resume_from=tmp_path / "foreign.pt")
    assert not (tmp_path / "empty").exists()


def test_a_second_run_in_the_same_folder_is_refused(make):
    cfg = make()
    first = Trainer(cfg)
    for resume in (False, True):
        with pytest.raises(PellucidError, match=rf"process {os.getpid()} is running here"):
            Trainer(cfg, resume)
    first.train()
    run(cfg, resume=True)
    assert not (first.output.path / "run.lock").exists()


def test_what_a_killed_writer_left_is_removed(make):
    cfg = make(SOLVER__EPOCHS=1)
    folder = run(cfg).output.path
    files = sorted(folder.rglob("*"))
    for name in ("checkpoints/.0123456789abcdef.tmp.pt", "plots/.00000000000000ff.tmp.png"):
        (folder / name).write_bytes(b"half")
    run(cfg, resume=True)
    assert [path for path in sorted(folder.rglob("*")) if "tfevents" not in path.name] == [
        path for path in files if "tfevents" not in path.name
    ]


def test_refuses_to_go_on_where_no_run_is(make, tmp_path):
    with pytest.raises(TrainingError, match="no run to go on with"):
        Trainer(make(), resume=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MODEL__ARGS__width", 5),
        ("SOLVER__OPTIMIZER__NAME", "SGD"),
        ("SOLVER__LR", 0.5),
        ("DATA__BATCH_SIZE", 3),
    ],
)
def test_refuses_to_go_on_as_another_run(make, key, value):
    run(make(SOLVER__EPOCHS=1))
    with pytest.raises(TrainingError, match=rf"cannot go on.*{key.replace('__', '.')} was"):
        Trainer(make(**{key: value}), resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"VALIDATION__TRACK": "pnsr"}, r"VALIDATION\.TRACK: .*did you mean psnr"),
        ({"VALIDATION__PATIENCE": 0}, r"VALIDATION\.PATIENCE: is 0"),
        ({"SOLVER__ITERATIONS": 0}, r"SOLVER\.ITERATIONS: is 0"),
        ({"DATA__CHANNELS": 3}, r"DATA\.CHANNELS: is 3, but MODEL TinyNet takes 1"),
        ({"LEARNER__NAME": "Supervise"}, r"LEARNER\.NAME: .*did you mean Supervised"),
        ({"LOSSES__lr": {"NAME": "L1"}}, r"LOSSES\.lr: this name stands for something else"),
        ({"DATASETS__VAL__NAME": ""}, r"DATASETS\.VAL\.NAME: is empty"),
    ],
)
def test_wrong_options_are_named_before_anything_is_written(make, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        Trainer(make(**options))
    assert not (tmp_path / "run").exists()
