"""Timing: a network known to sleep takes its sleep, and ratios compare round by round."""

import time

import numpy as np
import torch
from torch import nn

from engine.benchmark import MOST_PICTURES, WARM_UP, Way, time_pictures, time_restoring
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


class Counting(nn.Module):
    """Remembers the width of each picture."""

    descriptor = Descriptor(scale=1, channels=1)

    def __init__(self) -> None:
        super().__init__()
        self.widths: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.widths.append(x.shape[-1])
        return x


def test_all_are_timed_on_the_same_pictures_in_turn():
    models = {"a": Counting(), "b": Counting()}
    restorers = {name: Restorer(model, "cpu") for name, model in models.items()}
    pace = time_pictures(restorers, [np.zeros((8, width, 1), np.uint8) for width in (8, 9, 10)])
    assert models["a"].widths == models["b"].widths == [8, 9, 10] * (MOST_PICTURES // 3)
    assert pace.runs == MOST_PICTURES - WARM_UP
    assert set(pace.seconds) == {"a", "b"} and all(value > 0 for value in pace.seconds.values())
