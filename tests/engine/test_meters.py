import numpy as np
import pytest
import torch

from engine.meters import LossMeter


def test_means_weigh_batches_by_their_size(rng):
    meter, values, sizes = LossMeter(), rng.random(7), [4, 4, 4, 4, 4, 4, 1]
    for value, size in zip(values[:5], sizes[:5], strict=True):
        meter.add({"loss": torch.tensor(value, requires_grad=True)}, size)
    window = meter.read_window()
    assert window["loss"] == pytest.approx(np.average(values[:5], weights=sizes[:5]))
    assert meter.read_window() == {}
    for value, size in zip(values[5:], sizes[5:], strict=True):
        meter.add({"loss": torch.tensor(value)}, size)
    assert meter.read_epoch()["loss"] == pytest.approx(np.average(values, weights=sizes))


def test_goes_on_within_an_epoch():
    whole, first, second = LossMeter(), LossMeter(), LossMeter()
    for value in (1.0, 2.0):
        whole.add({"loss": torch.tensor(value)}, 2)
        first.add({"loss": torch.tensor(value)}, 2)
    second.load_state_dict(first.state_dict())
    for meter in (whole, second):
        meter.add({"loss": torch.tensor(6.0)}, 1)
    assert second.read_epoch() == whole.read_epoch() == {"loss": 2.4}
    whole.reset()
    assert whole.read_epoch() == {}
