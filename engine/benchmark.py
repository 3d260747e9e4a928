"""How long restoring a picture takes and how much memory, several ways side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle

import numpy as np
import torch
from tqdm import tqdm

from engine.memory import peak_bytes
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.restorer import Restorer

WARM_UP = 2  # rounds that are not counted
MOST_PICTURES = WARM_UP + 10
_FEWEST = 3  # pictures that are counted where they take long
_PATIENCE = 60.0  # seconds after which these are enough


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
    for turn in range(-WARM_UP, repeats):
        for name, way in ways.items():
            channels = way.restorer.descriptor.channels or 1
            picture = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
            if turn == -WARM_UP:  # counting bytes takes time, so this round is one of the uncounted
                peaks[name] = peak_bytes(partial(_restore, way, picture), way.restorer.device)
                continue
            taken = _seconds(way, picture)
            if turn >= 0:
                seconds[name].append(taken)
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


@dataclass(frozen=True)
class Pace:
    """How long pictures took, from a picture in memory to a restored one.

    Attributes:
        seconds: the median of each restorer.
        runs: how many times that is of.
    """

    seconds: dict[str, float]
    runs: int


def time_pictures(restorers: Mapping[str, Restorer], pictures: Sequence[np.ndarray]) -> Pace:
    """Time restorers on the same pictures, in turn, one picture at a time.

    Of `MOST_PICTURES` the first `WARM_UP` are not counted. Where they take longer than a minute,
    3 that are counted are enough.

    Args:
        restorers: by name.
        pictures: at least one; begun anew where they are fewer.
    """
    seconds: dict[str, list[float]] = {name: [] for name in restorers}
    shown = tqdm(range(MOST_PICTURES), "timing", leave=False, disable=None)
    began = time.perf_counter()
    for number, picture in zip(shown, cycle(pictures), strict=False):
        if number >= WARM_UP + _FEWEST and time.perf_counter() - began > _PATIENCE:
            break
        for name, restorer in restorers.items():
            taken = _seconds(Way(restorer), picture)
            if number >= WARM_UP:
                seconds[name].append(taken)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return Pace(medians, len(next(iter(seconds.values()))))


def _seconds(way: Way, picture: np.ndarray) -> float:
    began = time.perf_counter()
    _restore(way, picture)
    return time.perf_counter() - began


def _restore(way: Way, picture: np.ndarray) -> None:
    way.restorer.restore(picture, options=way.options)
    if way.restorer.device.type == "cuda":
        torch.cuda.synchronize(way.restorer.device)
