"""What nobody waits for any more is given up, between layers, tiles and turns."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from engine.interruption import Stopped, stop_unless_wanted, working_while
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling.descriptor import Descriptor

IMAGE = np.zeros((64, 64, 1), np.uint8)


class Layers(nn.Module):
    """Layers that count how often they are run."""

    descriptor = Descriptor(channels=0)

    def __init__(self, count=4):
        super().__init__()
        self.run = 0
        self.layers = nn.ModuleList(nn.Identity() for _ in range(count))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
            self.run += 1
        return x


class Bare(nn.Module):
    """No layer inside it: a function as an exported model is one."""

    descriptor = Descriptor(channels=0)

    def __init__(self):
        super().__init__()
        self.run = 0

    def forward(self, x):
        self.run += 1
        return x


def times(count):
    """True so many times, then False."""
    left = iter([True] * count)
    return lambda: next(left, False)


def test_a_network_stops_between_its_layers():
    restorer = Restorer(Layers(), "cpu")
    with pytest.raises(Stopped), working_while(lambda: restorer.model.run < 2):
        restorer.restore(IMAGE)
    assert restorer.model.run == 2
    assert np.array_equal(restorer.restore(IMAGE), IMAGE)  # outside, nothing is stopped


@pytest.mark.parametrize(
    "options", [RestoreOptions(tile=16), RestoreOptions(self_ensemble=True)], ids=["tile", "turn"]
)
def test_a_restoration_stops_between_tiles_and_turns(options):
    restorer = Restorer(Bare(), "cpu")
    with pytest.raises(Stopped), working_while(lambda: restorer.model.run < 3):
        restorer.restore(IMAGE, options=options)
    assert restorer.model.run == 3
    with working_while(lambda: True):
        assert np.array_equal(restorer.restore(IMAGE, options=options), IMAGE)


def test_a_batch_is_not_begun_for_nobody():
    restorer = Restorer(Bare(), "cpu")
    with pytest.raises(Stopped), working_while(lambda: False):
        restorer.restore_many([IMAGE, IMAGE], ["a", "b"])
    assert restorer.model.run == 0


def test_another_thread_is_left_alone():
    model, outcome = Layers(), []
    with working_while(lambda: False):
        work = threading.Thread(target=lambda: outcome.append(model(torch.zeros(1))))
        work.start()
        work.join()
        with pytest.raises(Stopped):
            stop_unless_wanted()
    stop_unless_wanted()
    assert len(outcome) == 1 and model.run == 4


def test_what_is_asked_last_counts_until_it_is_over():
    with working_while(times(2)):
        with working_while(lambda: True):
            stop_unless_wanted()
        stop_unless_wanted()
        stop_unless_wanted()
        with pytest.raises(Stopped):
            stop_unless_wanted()
