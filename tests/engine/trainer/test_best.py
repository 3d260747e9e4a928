"""Which weights a run keeps as its best, and when it stops early."""

import torch

from engine.checkpoint import load_weights
from engine.trainer import Trainer
from tests.comparison import assert_same
from tests.engine.trainer.small_runs import last, run


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
