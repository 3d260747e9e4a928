"""One optimizer step: the parts of a batch, clipping, the guard, several networks in turn."""

import copy
import itertools
import weakref

import pytest
import torch
from torch import nn

from config import get_defaults
from engine.learners.supervised import Supervised
from engine.step import TrainingStep, split
from engine.update import Update
from solver import build_optimizer, build_scheduler
from utils.errors import ConfigError

CPU = torch.device("cpu")


def network(norm=False):
    torch.manual_seed(0)
    middle = nn.BatchNorm2d(4) if norm else nn.Identity()
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), middle, nn.Tanh(), nn.Conv2d(4, 1, 1))


def update_of(model, optimizer=None, clip_norm=None, precision="float32", **options):
    cfg = get_defaults()
    cfg.SOLVER.LR = 0.1
    cfg.SOLVER.OPTIMIZER.NAME = options.pop("name", "SGD")
    cfg.SOLVER.OPTIMIZER.ARGS.update(options)
    optimizer = optimizer or build_optimizer(cfg, model.parameters())
    scaler = torch.amp.GradScaler("cpu", enabled=precision == "fp16")
    return Update(model, optimizer, build_scheduler(cfg, optimizer, 1, 10), scaler, clip_norm)


def stepper(model, parts=1, precision="float32", **options):
    learner = Supervised(model, {"l2": (nn.MSELoss(), 1.0)}, CPU, precision)
    update = update_of(model, precision=precision, **options)
    return TrainingStep(learner, {"model": update}, parts, dict)


def batch_of(samples, scale=1.0, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {
        "input": torch.rand(samples, 1, 6, 5, generator=generator) * scale,
        "target": torch.rand(samples, 1, 6, 5, generator=generator),
        "name": [str(number) for number in range(samples)],
        "count": samples,
        "total": samples,
    }


def everything(step):
    """All that a skipped step must not change."""
    found = []
    for update in step.updates.values():
        found += list(update.network.state_dict().values())
        for state in update.optimizer.state.values():
            found += [value for value in state.values() if isinstance(value, torch.Tensor)]
    return [value.clone() for value in found]


@pytest.mark.parametrize(
    ("samples", "parts", "sizes"),
    [(6, 2, [3, 3]), (7, 3, [3, 2, 2]), (2, 4, [1, 1]), (5, 1, [5]), (4, 3, [2, 1, 1])],
)
def test_a_batch_splits_into_parts(samples, parts, sizes):
    found = list(split(batch_of(samples), parts))
    assert [len(part["name"]) for part in found] == [part["count"] for part in found] == sizes
    assert torch.equal(torch.cat([part["input"] for part in found]), batch_of(samples)["input"])
    assert list(itertools.chain(*(part["name"] for part in found))) == batch_of(samples)["name"]


@pytest.mark.parametrize(("samples", "parts"), [(6, 3), (7, 3), (5, 2)])
def test_accumulated_parts_equal_the_large_batch(samples, parts):
    whole, pieces = stepper(network()), stepper(network(), parts)
    for seed in range(3):
        first = whole.take(batch_of(samples, seed=seed))
        second = pieces.take(batch_of(samples, seed=seed))
        torch.testing.assert_close(first.losses, second.losses)
    assert first.samples == second.samples == samples
    theirs = pieces.updates["model"].network.state_dict()
    torch.testing.assert_close(whole.updates["model"].network.state_dict(), theirs)


def test_a_share_weighs_as_many_samples_as_count_in_the_whole_step():
    whole, first, second = stepper(network()), stepper(network()), stepper(network(), 2)
    batch = batch_of(5)
    told = whole.take(batch).losses["l2"]
    halves = [
        {**{key: batch[key][part] for key in ("input", "target", "name")}, "count": n, "total": 5}
        for part, n in ((slice(2), 2), (slice(2, 5), 3))
    ]
    shares = [step.take(half) for step, half in zip((first, second), halves, strict=True)]
    torch.testing.assert_close(shares[0].losses["l2"] + shares[1].losses["l2"], told)
    start = network()
    for name, value in start.state_dict().items():
        moved = [
            step.updates["model"].network.state_dict()[name] - value
            for step in (whole, first, second)
        ]
        torch.testing.assert_close(moved[0], moved[1] + moved[2])
    filler = {**batch_of(1), "count": 0}
    idle = stepper(network())
    assert idle.take(filler).samples == 0
    torch.testing.assert_close(idle.updates["model"].network.state_dict(), start.state_dict())


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "it is a NoneType"),
        ({"loss": 0.5}, "it is a float"),
        ({"loss": torch.ones(3)}, r"it is shape \(3,\)"),
        ({"loss": torch.ones(())}, "it has no gradient"),
    ],
)
def test_a_learner_without_a_loss_to_learn_from_is_named(told, words, monkeypatch):
    step = stepper(network())
    monkeypatch.setattr(step.learner, "step", lambda batch, network: told)
    with pytest.raises(ConfigError, match=rf"LEARNER Supervised: step\(batch, 'model'\).*{words}"):
        step.take(batch_of(2))


def test_parts_come_to_the_device_one_at_a_time():
    arrived = []

    def bring(part):
        assert not any(pictures() is not None for pictures in arrived)
        part = {**part, "input": part["input"].clone()}
        arrived.append(weakref.ref(part["input"]))
        return part

    model = network()
    learner = Supervised(model, {"l2": (nn.MSELoss(), 1.0)}, CPU, "float32")
    TrainingStep(learner, {"model": update_of(model)}, 3, bring).take(batch_of(6))
    assert len(arrived) == 3


@pytest.mark.parametrize("clip_norm", [0.01, 100.0])
def test_clipping_bounds_the_global_norm(clip_norm):
    model = network()
    reference = copy.deepcopy(model)
    step = stepper(model, clip_norm=clip_norm)
    batch = batch_of(4)
    step.take(batch)
    nn.functional.mse_loss(reference(batch["input"]), batch["target"]).backward()
    nn.utils.clip_grad_norm_(reference.parameters(), clip_norm)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.1 * theirs.grad)


class Unfused(torch.optim.Adagrad):
    """An optimizer from outside, that knows nothing of the guard."""


OPTIMIZERS = {
    "Adam": {"name": "Adam"},
    "AdamW": {"name": "AdamW"},
    "SGD": {"name": "SGD"},
    "momentum": {"name": "SGD", "momentum": 0.9, "nesterov": True},
    "Unfused": {},
}


@pytest.mark.parametrize("precision", ["float32", "fp16"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_that_is_not_finite_changes_nothing(name, precision):
    def make():
        model = network(norm=True)
        foreign = Unfused(model.parameters(), 0.1) if name == "Unfused" else None
        return stepper(model, precision=precision, optimizer=foreign, **OPTIMIZERS[name])

    broken, sound = make(), make()
    # the first step of all, then one between good steps
    for seed, fails in enumerate([True, False, False, True, True, False]):
        before = everything(broken)
        taken = broken.take(batch_of(4, float("nan") if fails else 1.0, seed))
        assert taken.any_skipped.item() == taken.skipped["model"].item() == fails
        if not fails:
            sound.take(batch_of(4, seed=seed))
            continue
        after = everything(broken)
        if seed:
            assert all(map(torch.equal, before, after))
        else:  # optimizers begin their state with their first step
            assert all(map(torch.equal, before, after[: len(before)]))
            assert all(not value.any() for value in after[len(before) :] if name != "Unfused")
    if precision == "float32":  # in fp16 the scale has shrunk meanwhile, which rounds differently
        assert all(map(torch.equal, everything(broken), everything(sound)))


def test_fp16_finds_its_scale_by_skipping():
    step = stepper(network(), precision="fp16", name="Adam")
    scaler = step.updates["model"].scaler
    scaler.load_state_dict({**scaler.state_dict(), "scale": 2.0**40})
    skipped = [step.take(batch_of(4)).any_skipped.item() for _ in range(40)]
    first = skipped.index(0.0)
    assert 0 < first < 40 and not any(skipped[first:])
    assert scaler.get_scale() == 2.0 ** (40 - first)


class Adversaries:
    """Two networks; the second learns from what the first left in the batch."""

    def __init__(self):
        torch.manual_seed(0)
        self.networks = {"model": nn.Conv2d(1, 1, 1), "critic": nn.Conv2d(1, 1, 3)}
        self.calls = []

    def step(self, batch, network):
        self.calls.append((network, len(batch["name"])))
        if network == "model":
            output = self.networks["model"](batch["input"])
            batch["fake"] = output.detach()
            return {"loss": -self.networks["critic"](output).mean(), "bias": output.mean()}
        return {"loss": self.networks["critic"](batch["fake"]).mean()}


def test_networks_learn_in_turn_each_from_its_own_loss():
    learner = Adversaries()
    before = copy.deepcopy(learner.networks)
    updates = {name: update_of(net) for name, net in learner.networks.items()}
    step = TrainingStep(learner, updates, 2, dict)
    batch = batch_of(5)
    taken = step.take(batch)
    assert learner.calls == [("model", 3), ("model", 2), ("critic", 3), ("critic", 2)]
    told = ["loss", "bias", "gradient", "critic/loss", "critic/gradient"]
    assert list(taken.losses) == told
    fake = before["model"](batch["input"]).detach()
    loss = before["critic"](fake).mean()
    loss.backward()
    torch.testing.assert_close(taken.losses["critic/loss"] / 5, loss.detach())
    gradients = [parameter.grad.flatten() for parameter in before["critic"].parameters()]
    norm = torch.cat(gradients).square().sum().sqrt()
    torch.testing.assert_close(taken.losses["critic/gradient"] / 5, norm)
    critic = learner.networks["critic"]
    for new, old in zip(critic.parameters(), before["critic"].parameters(), strict=True):
        torch.testing.assert_close(new, old - 0.1 * old.grad)
