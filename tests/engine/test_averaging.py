"""Averaged weights against the recurrence written out in NumPy."""

import numpy as np
import torch
from torch import nn

from engine.averaging import AveragedWeights

GOOD, BAD = torch.zeros(()), torch.ones(())


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 1, 1))


def learn(model):
    """Any change will do: it is the average of it that is tested."""
    model(torch.rand(2, 1, 6, 6))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))


def floats(model):
    state = {name: t.double().numpy() for name, t in model.state_dict().items()}
    batches = state.pop("1.num_batches_tracked")
    return {name: value.copy() for name, value in state.items()}, int(batches)


def test_follows_the_recurrence_buffers_and_all():
    model = network().train()
    average = AveragedWeights(model, decay=0.5)
    expected, _ = floats(model)
    for n in range(12):
        learn(model)
        average.update(model, GOOD)
        decay = min(0.5, (1 + n) / (10 + n))  # the warm-up ends after 8 steps
        now, batches = floats(model)
        expected = {name: decay * expected[name] + (1 - decay) * now[name] for name in now}
        found, found_batches = floats(average.model)
        assert found_batches == batches == n + 1
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)
    assert {"1.running_mean", "1.running_var"} < set(expected)
    assert not average.model.training and not any(
        p.requires_grad for p in average.model.parameters()
    )


def test_a_skipped_step_is_not_counted():
    model = network().train()
    average = AveragedWeights(model, decay=0.9)
    learn(model)
    average.update(model, GOOD)
    before, _ = floats(average.model)
    learn(model)
    average.update(model, BAD)
    after, _ = floats(average.model)
    assert average.state_dict()["count"] == 1
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_goes_on_to_the_bit():
    model = network().train()
    whole = AveragedWeights(model, decay=0.99)
    for _ in range(3):
        learn(model)
        whole.update(model, GOOD)
    resumed = AveragedWeights(network(), decay=0.99)
    resumed.load_state_dict(whole.state_dict())
    learn(model)
    for average in (whole, resumed):
        average.update(model, GOOD)
    assert resumed.state_dict()["count"] == whole.state_dict()["count"] == 4
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])
