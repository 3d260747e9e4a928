"""How long restoring a picture takes and how much memory, several ways side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from engine.memory import peak_bytes
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.restorer import Restorer


@dataclass(frozen=True)
class Way:
    """A way to restore: by which network, and how."""

    restorer: Restorer
    options: RestoreOptions = DEFAULTS


@dataclass(frozen=True)
class Timing:
    """What one restoration took, from a uint8 picture in memory to a uint8 picture.

    Attributes:
        median: seconds, of all repeats.
        fastest: seconds, of all repeats.
        ratio: median of this way's time over the first way's, repeat by repeat, which holds where
            the machine's speed drifts.
        peak_bytes: of tensors on the device at once, beside the weights.
    """

    median: float
    fastest: float
    ratio: float
    peak_bytes: int


def time_restoring(
    ways: Mapping[str, Way], height: int, width: int, repeats: int
) -> dict[str, Timing]:
    """Time ways to restore one random picture, in turn, after two uncounted rounds.

    Args:
        ways: by name; the first is what the others are compared with.
        height: of the picture, in pixels.
        width: of the picture.
        repeats: counted rounds.
    """
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    peaks: dict[str, int] = {}
    for turn in range(-2, repeats):
        for name, way in ways.items():
            channels = way.restorer.descriptor.channels or 1
            picture = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
            if turn == -2:  # counting bytes takes time, so this round is one of the uncounted
                peaks[name] = peak_bytes(partial(_restore, way, picture), way.restorer.device)
                continue
            began = time.perf_counter()
            _restore(way, picture)
            if turn >= 0:
                seconds[name].append(time.perf_counter() - began)
    first = next(iter(seconds.values()))
    return {
        name: Timing(
            statistics.median(taken),
            min(taken),
            statistics.median(one / other for one, other in zip(taken, first, strict=True)),
            peaks[name],
        )
        for name, taken in seconds.items()
    }


def _restore(way: Way, picture: np.ndarray) -> None:
    way.restorer.restore(picture, options=way.options)
    if way.restorer.device.type == "cuda":
        torch.cuda.synchronize(way.restorer.device)
