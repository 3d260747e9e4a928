"""Whole small runs: what they learn, measure and leave behind."""

import json

import numpy as np
import pytest

import config
from config import get_defaults
from engine.checkpoint import load_weights, save_weights
from engine.trainer import Trainer
from tests.comparison import assert_same
from tests.engine.trainer.small_runs import (
    TinyNet,
    last,
    run,
)
from utils.errors import CheckpointError


def test_a_run_learns_and_leaves_what_the_design_names(make):
    cfg = make(SOLVER__EPOCHS=3)
    trainer = run(cfg)
    folder = trainer.output.path
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert [row["iteration"] for row in rows if row["kind"] == "step"] == [2, 4, 6, 8]
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    assert epochs[-1]["train/loss"] < epochs[0]["train/loss"]
    assert {"lr", "val/loss", "val/psnr", "train/psnr"} < set(epochs[0])
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
    # Three steps; then two validation pictures and the six training samples, one by one.
    assert modes == ([(False, True)] * 3 + [(True, False)] * 8) * 3


def test_how_often_it_validates_does_not_change_what_it_learns(make):
    often, rarely = make("often", SOLVER__EPOCHS=3), make("rarely", SOLVER__EPOCHS=3)
    rarely.VALIDATION.PERIOD = 2
    run(often)
    run(rarely)
    assert_same(last(often)["networks"], last(rarely)["networks"])
    assert ["val/psnr" in row["values"] for row in last(rarely)["history"]] == [False, True, True]


def test_length_in_iterations(make):
    cfg = make(SOLVER__ITERATIONS=4, SOLVER__EPOCHS=1)
    assert run(cfg).position.iteration == 4
    assert [record["iteration"] for record in last(cfg)["history"]] == [3, 4]
    with_more = make("more", SOLVER__ITERATIONS=6)
    run(with_more)
    assert [record["iteration"] for record in last(with_more)["history"]] == [3, 6]


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


def test_losses_are_summed_by_weight(make):
    cfg = make(SOLVER__EPOCHS=1)
    cfg.LOSSES["half"] = config.Config(NAME="SignallingL1", WEIGHT=0.5, ARGS=config.Config())
    values = run(cfg).history.epochs[0].values
    for split in ("train", "val"):
        assert values[f"{split}/pixel"] == values[f"{split}/half"]
        assert values[f"{split}/loss"] == pytest.approx(1.5 * values[f"{split}/pixel"])
