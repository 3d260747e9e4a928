"""Losses that are no numbers: left out, counted, and at last an error."""

import json

import pytest
import torch

from engine.trainer import Trainer
from tests.engine.trainer.small_runs import (
    Broken,
    last,
    run,
)
from utils.errors import TrainingError


@pytest.mark.parametrize(("call", "which"), [(2, "training"), (4, "validation")])
def test_a_loss_that_is_not_a_number_is_an_error(make, call, which):
    cfg = make(SOLVER__MAX_SKIPPED=2)
    cfg.LOSSES["pixel"].NAME = "Broken"
    cfg.LOSSES["pixel"].ARGS["call"] = call
    trainer = Trainer(cfg)
    with pytest.raises(TrainingError, match=f"the {which} (loss is nan|pixel was not finite)"):
        trainer.train()
    assert not trainer.output.best.exists()


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
