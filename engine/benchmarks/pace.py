"""How long the pictures of a test take each model of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from engine.benchmarks.timing import WARM_UP, Work, time_in_turn, wait_for
from engine.restorer import Restorer

_COUNTED = 10
MOST_PICTURES = WARM_UP + _COUNTED


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

    Of `MOST_PICTURES` the first `WARM_UP` are not counted; where they take long, fewer are enough.

    Args:
        restorers: by name.
        pictures: at least one; begun anew where they are fewer.
    """
    works = [
        Work("timing", name, (), _restoring(restorer, pictures), 1, "picture")
        for name, restorer in restorers.items()
    ]
    figures = time_in_turn(works, _COUNTED)
    return Pace({figure.name: figure.median for figure in figures}, len(figures[0].seconds))


def _restoring(restorer: Restorer, pictures: Sequence[np.ndarray]) -> Callable[[], None]:
    """What restores the next picture whenever it is called."""
    coming = cycle(pictures)

    def run() -> None:
        restorer.restore(next(coming))
        wait_for(restorer.device)

    return run
