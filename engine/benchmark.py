"""How long restoring a picture takes, several networks side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from engine.restorer import Restorer


@dataclass(frozen=True)
class Timing:
    """Seconds that one restoration took: from a uint8 picture in memory to a uint8 picture.

    Attributes:
        median: of all repeats.
        fastest: of all repeats.
        ratio: median of this network's time over the first network's, repeat by repeat, which
            holds where the machine's speed drifts.
    """

    median: float
    fastest: float
    ratio: float


def time_restorers(
    restorers: Mapping[str, Restorer], height: int, width: int, repeats: int
) -> dict[str, Timing]:
    """Time restorers on one random picture, in turn, after two uncounted rounds.

    Args:
        restorers: by name; the first is what the others are compared with.
        height: of the picture, in pixels.
        width: of the picture.
        repeats: counted rounds.
    """
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in restorers}
    for turn in range(-2, repeats):
        for name, restorer in restorers.items():
            channels = restorer.descriptor.channels or 1
            picture = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
            began = time.perf_counter()
            restorer.restore(picture)
            if restorer.device.type == "cuda":
                torch.cuda.synchronize(restorer.device)
            if turn >= 0:
                seconds[name].append(time.perf_counter() - began)
    first = next(iter(seconds.values()))
    return {
        name: Timing(
            statistics.median(taken),
            min(taken),
            statistics.median(one / other for one, other in zip(taken, first, strict=True)),
        )
        for name, taken in seconds.items()
    }
