"""Timing restorers on the pictures of a test: all on the same ones, in turn."""

import numpy as np
import torch
from torch import nn

from engine.benchmarks.pace import MOST_PICTURES, time_pictures
from engine.benchmarks.timing import WARM_UP
from engine.restorer import Restorer
from modeling.descriptor import Descriptor


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
