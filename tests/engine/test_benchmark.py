"""Timing: a network known to sleep takes its sleep, and ratios compare round by round."""

import time

import torch
from torch import nn

from engine.benchmark import time_restorers
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
    timings = time_restorers(
        {name: Restorer(Sleeper(s), "cpu") for name, s in (("a", 0.05), ("b", 0.2))}, 8, 8, 3
    )
    assert timings["a"].fastest >= 0.05 and timings["b"].median >= 0.2
    assert timings["a"].ratio == 1
    assert timings["b"].ratio > 1
