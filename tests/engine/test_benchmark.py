"""Timing: a network known to sleep takes its sleep, and ratios compare round by round."""

import time

import torch
from torch import nn

from engine.benchmark import Way, time_restoring
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling.descriptor import Descriptor


class Sleeper(nn.Module):
    descriptor = Descriptor(scale=1, channels=1)

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        return x


def test_medians_and_ratios_follow_the_time_taken():
    timings = time_restoring(
        {name: Way(Restorer(Sleeper(s), "cpu")) for name, s in (("a", 0.05), ("b", 0.2))}, 8, 8, 3
    )
    assert timings["a"].fastest >= 0.05 and timings["b"].median >= 0.2
    assert timings["a"].ratio == 1
    assert timings["b"].ratio > 1


class Wide(nn.Module):
    """16 times the picture's memory, for a moment."""

    descriptor = Descriptor(scale=1, channels=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.repeat(1, 16, 1, 1).mean(dim=1, keepdim=True)


def test_peak_memory_is_a_tiles():
    restorer = Restorer(Wide(), "cpu")
    ways = {"whole": Way(restorer), "tiled": Way(restorer, RestoreOptions(tile=64))}
    timings = time_restoring(ways, 256, 256, 1)
    assert timings["whole"].peak_bytes >= 16 * 4 * 256 * 256
    assert timings["whole"].peak_bytes > 15 * timings["tiled"].peak_bytes
