"""Timing pieces of work in turn, so that ratios hold where the machine's speed drifts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from tqdm import tqdm

from engine.memory import peak_bytes

WARM_UP = 2  # rounds that are not counted
_FEWEST = 3  # rounds that are counted where they take long
_PATIENCE = 60.0  # seconds of all rounds together after which these are enough


@dataclass(frozen=True)
class Work:
    """Something that can be done any number of times.

    Attributes:
        measure: what kind of work it is: "step".
        name: whose it is: a config, with what it was varied by.
        setting: what the time depends on, in words: "batch 16", "bf16".
        run: does it once and waits for the device.
        items: how many things are worked on at once.
        item: what they are: "sample".
        peak_on: the device whose peak memory is of interest; None where it is not.
    """

    measure: str
    name: str
    setting: tuple[str, ...]
    run: Callable[[], object]
    items: int
    item: str
    peak_on: torch.device | None = None


@dataclass(frozen=True)
class Figure:
    """What a piece of work took.

    Attributes:
        measure: as in `Work`, and so on.
        seconds: of each counted round.
        warm_up: seconds of each round before them.
        ratio: its time for an item over that of the first piece of work, round by round; the
            median.
        peak_bytes: of tensors on the device at once beside those that stay; None where not taken.
    """

    measure: str
    name: str
    setting: tuple[str, ...]
    items: int
    item: str
    seconds: tuple[float, ...]
    warm_up: tuple[float, ...]
    ratio: float
    peak_bytes: int | None

    @property
    def median(self) -> float:
        """Seconds of a round."""
        return statistics.median(self.seconds)

    @property
    def per_second(self) -> float:
        """Items worked on in a second."""
        return self.items / self.median


def time_in_turn(works: Sequence[Work], repeats: int) -> list[Figure]:
    """Time pieces of work round by round, after two uncounted rounds.

    Where rounds take longer than a minute together, three that are counted are enough.

    Args:
        works: the first is what the others are compared with.
        repeats: counted rounds.
    """
    peaks = [None if w.peak_on is None else peak_bytes(w.run, w.peak_on) for w in works]
    taken: list[list[float]] = [[] for _ in works]
    began = time.perf_counter()
    rounds = tqdm(range(WARM_UP + repeats), works[0].measure, leave=False, disable=None)
    for number in rounds:
        if number >= WARM_UP + _FEWEST and time.perf_counter() - began > _PATIENCE:
            break
        for work, seconds in zip(works, taken, strict=True):
            start = time.perf_counter()
            work.run()
            seconds.append(time.perf_counter() - start)
    return [
        Figure(
            work.measure,
            work.name,
            work.setting,
            work.items,
            work.item,
            tuple(seconds[WARM_UP:]),
            tuple(seconds[:WARM_UP]),
            _ratio(seconds[WARM_UP:], taken[0][WARM_UP:]) * works[0].items / work.items,
            peak,
        )
        for work, seconds, peak in zip(works, taken, peaks, strict=True)
    ]


def wait_for(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _ratio(seconds: Sequence[float], first: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(seconds, first, strict=True))
