import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as reference

from config import get_defaults
from solver import build_scheduler
from utils.errors import ConfigError

LR, EPOCHS, STEPS = 0.02, 6, 5


def sgd():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


def build(optimizer, name, directions=None, iterations=None, **arguments):
    cfg = get_defaults()
    cfg.SOLVER.LR = LR
    cfg.SOLVER.ITERATIONS = iterations
    cfg.SOLVER.SCHEDULER.NAME = name
    for key, value in arguments.items():
        cfg.SOLVER.SCHEDULER.ARGS[key] = value
    return build_scheduler(cfg, optimizer, EPOCHS, STEPS, directions or {"psnr": True})


def rate(optimizer):
    return optimizer.param_groups[0]["lr"]


def rates(optimizer, advance, steps):
    found = [rate(optimizer)]
    for _ in range(steps):
        optimizer.step()
        advance()
        found.append(rate(optimizer))
    return found


def test_constant():
    optimizer = sgd()
    assert set(rates(optimizer, build(optimizer, "Constant").step_iteration, 30)) == {LR}


def test_multi_step_is_pytorchs():
    ours, theirs = sgd(), sgd()
    schedule = build(ours, "MultiStep", milestones=[2, 4], gamma=0.3)
    expected = reference.MultiStepLR(theirs, [2 * STEPS, 4 * STEPS], 0.3)
    assert rates(ours, schedule.step_iteration, 30) == pytest.approx(
        rates(theirs, expected.step, 30), rel=1e-12
    )


@pytest.mark.parametrize("iterations", [None, 17])
def test_cosine_with_warm_up_is_pytorchs(iterations):
    ours, theirs = sgd(), sgd()
    schedule = build(ours, "Cosine", warmup_epochs=1, min_lr=1e-4, iterations=iterations)
    total = iterations or EPOCHS * STEPS
    expected = reference.SequentialLR(
        theirs,
        [
            reference.LinearLR(theirs, 1 / (STEPS + 1), total_iters=STEPS),
            reference.CosineAnnealingLR(theirs, total - STEPS, eta_min=1e-4),
        ],
        [STEPS],
    )
    found = rates(ours, schedule.step_iteration, total)
    assert found == pytest.approx(rates(theirs, expected.step, total), rel=1e-9)
    assert found[-1] == pytest.approx(1e-4)
    assert max(found) == LR


@pytest.mark.parametrize(("higher", "mode"), [(True, "max"), (False, "min")])
def test_plateau_is_pytorchs(higher, mode):
    ours, theirs = sgd(), sgd()
    arguments = {"factor": 0.5, "patience": 2, "min_lr": 1e-3}
    schedule = build(ours, "ReduceOnPlateau", {"m": higher}, metric="m", **arguments)
    expected = reference.ReduceLROnPlateau(theirs, mode, threshold=0.0, **arguments)
    for value in np.random.default_rng(1).normal(size=60).tolist():
        schedule.step_validation({"m": value, "other": 0.0})
        expected.step(value)
        assert rate(ours) == pytest.approx(rate(theirs))
    assert rate(ours) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Constant", {}),
        ("MultiStep", {"milestones": [1, 3]}),
        ("Cosine", {"warmup_epochs": 1.5}),
        ("ReduceOnPlateau", {"metric": "psnr", "patience": 1}),
    ],
)
def test_goes_on_where_it_was_saved(name, arguments):
    values = [3.0, 2.0, 1.0, 2.5, 2.0, 1.0]

    def epochs(optimizer, schedule, which):
        found = []
        for epoch in which:
            found += rates(optimizer, schedule.step_iteration, STEPS)
            schedule.step_validation({"psnr": values[epoch]})
        return found + [rate(optimizer)]

    whole, first, second = sgd(), sgd(), sgd()
    expected = epochs(whole, build(whole, name, **arguments), range(6))
    before = build(first, name, **arguments)
    begun = epochs(first, before, range(3))
    after = build(second, name, **arguments)
    second.load_state_dict(first.state_dict())
    after.load_state_dict(before.state_dict())
    assert begun[:-1] + epochs(second, after, range(3, 6)) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Cosin", {}, r"SOLVER\.SCHEDULER\.NAME: .*did you mean Cosine"),
        ("MultiStep", {}, r"SOLVER\.SCHEDULER\.ARGS\.milestones: .*needs"),
        ("Cosine", {"warmup": 1}, r"ARGS\.warmup: .*did you mean warmup_epochs"),
        ("Cosine", {"warmup_epochs": 6}, "not shorter than the run"),
        ("Cosine", {"min_lr": 1.0}, "min_lr"),
        ("ReduceOnPlateau", {"metric": "pnsr"}, "did you mean psnr"),
        ("ReduceOnPlateau", {"metric": "psnr", "factor": 1.5}, "factor lies between"),
    ],
)
def test_refuses_by_key(name, arguments, message):
    with pytest.raises(ConfigError, match=message):
        build(sgd(), name, **arguments)
