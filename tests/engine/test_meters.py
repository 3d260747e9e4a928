import numpy as np
import pytest
import torch

from engine.meters import LossMeter

CPU = torch.device("cpu")
GOOD, BAD = torch.zeros(()), torch.ones(())


def add(meter, *values, samples=1, skipped=GOOD):
    for value in values:
        meter.add({"loss": torch.tensor(value * samples)}, samples, skipped)


def test_means_weigh_batches_by_their_size(rng):
    meter, values, sizes = LossMeter(CPU), rng.random(7), [4, 4, 4, 4, 4, 4, 1]
    for value, size in zip(values[:5], sizes[:5], strict=True):
        meter.add({"loss": torch.tensor(value * size, requires_grad=True)}, size, GOOD)
    window = meter.read_window()
    assert window.means["loss"] == pytest.approx(np.average(values[:5], weights=sizes[:5]))
    assert meter.read_window().means == {}
    for value, size in zip(values[5:], sizes[5:], strict=True):
        add(meter, value, samples=size)
    assert meter.read_epoch().means["loss"] == pytest.approx(np.average(values, weights=sizes))


def test_goes_on_within_an_epoch_to_the_bit(rng):
    values = rng.random(9).astype(np.float32).tolist()
    whole, first, second = LossMeter(CPU), LossMeter(CPU), LossMeter(CPU)
    add(whole, *values[:5])
    add(first, *values[:5])
    second.load_state_dict(first.state_dict())
    for meter in (whole, second):
        add(meter, *values[5:])
    assert second.read_epoch() == whole.read_epoch()
    whole.reset()
    assert whole.read_epoch().means == {}


def test_bad_steps_are_counted_and_left_out():
    meter = LossMeter(CPU)
    for values in ((1.0, 2.0), (3.0, float("inf")), (float("nan"), 1.0), (5.0, 4.0)):
        meter.add(dict(zip("ab", map(torch.tensor, values), strict=True)), 2, GOOD)
    meter.add({"a": torch.tensor(9.0), "b": torch.tensor(9.0)}, 2, BAD)
    reading = meter.read_window()
    assert reading.means == {"a": 1.5, "b": 1.5}
    assert (reading.skipped, reading.in_a_row, reading.not_finite) == (3, 2, ("a", "b"))
    assert meter.read_epoch().skipped == 3


def test_a_row_of_bad_steps_goes_on_over_readings_epochs_and_resumes():
    meter = LossMeter(CPU)
    add(meter, 1.0, 1.0, skipped=BAD)
    assert meter.read_window().in_a_row == 2
    add(meter, 1.0, skipped=BAD)
    assert meter.peek().in_a_row == meter.read_epoch().in_a_row == 3
    meter.reset()
    other = LossMeter(CPU)
    other.load_state_dict(meter.state_dict())
    add(other, 1.0, skipped=BAD)
    add(other, 1.0)
    assert (other.peek().in_a_row, other.peek().skipped) == (4, 1)
    other.read_window()
    assert other.read_window().in_a_row == 0


def test_refuses_other_losses_than_before():
    meter = LossMeter(CPU)
    add(meter, 1.0)
    with pytest.raises(ValueError, match="other"):
        meter.add({"other": torch.tensor(1.0)}, 1, GOOD)
