"""Runs that are stopped and go on: to the same bits, and as the run they were."""

import json
import signal

import pytest
import torch

from engine.trainer import Trainer
from tests.comparison import assert_same
from tests.engine.trainer.small_runs import (
    SignallingL1,
    assert_same_run,
    last,
    run,
)
from utils.errors import TrainingError


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


def test_a_run_that_ended_within_an_epoch_goes_on_there_as_the_longer_run(make):
    whole, cut = make("whole", SOLVER__ITERATIONS=8), make("cut", SOLVER__ITERATIONS=5)
    for cfg in (whole, cut):
        cfg.SOLVER.AVERAGE, cfg.LOG.PERIOD = 0.9, 3
    run(whole)
    before = run(cut).position
    assert (before.epoch, before.step, before.iteration) == (2, 2, 5)
    run(cut, resume=True)  # is complete, and stays so
    cut.SOLVER.ITERATIONS = 8
    folder = run(cut, resume=True).output.path
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    assert [(row["kind"], row["epoch"], row["iteration"]) for row in rows] == [
        ("step", 1, 3), ("epoch", 1, 3), ("epoch", 2, 5), ("step", 2, 6), ("epoch", 2, 6),
        ("epoch", 3, 8),
    ]  # fmt: skip
    assert "epoch 2/3 step 6/8" in (folder / "log.txt").read_text()
    longer, at_once = last(cut), last(whole)
    assert longer["history"].pop(1)["iteration"] == 5  # one validation more, of which it keeps
    for state in (longer, at_once):  # the record, and the best weights if it found them
        state.pop("tracker")
        state.pop("config")
    assert_same(longer, at_once)


def test_ctrl_c_saves_too(make, monkeypatch):
    monkeypatch.setattr(SignallingL1, "number", signal.SIGINT)
    cfg = make()
    trainer = Trainer(cfg)
    trainer.parts.step.learner.losses["pixel"][0].call = 2
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert last(cfg)["position"] == {
        "epoch": 1,
        "step": 2,
        "iteration": 2,
        "measured": False,
    }


def test_a_complete_run_stays_as_it_is(make):
    cfg = make()
    run(cfg)
    before = last(cfg)
    run(cfg, resume=True)
    assert_same(last(cfg), before)


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
