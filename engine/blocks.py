"""The grid of a pixelated picture: how large its blocks are, where they lie, what colour each has.

Neighbours differ between blocks only, so differences summed along columns (rows) stand at regular
distances, whole or not. The grid is the one whose lines correlate best with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data.representations.differences import differences

_SMALLEST, _LARGEST = 1.25, 32.0  # pixels, sides of blocks that are looked for
_FIRST = 128  # pixels of a line that are looked at first; then twice as many, until all are
_PHASES = 32  # places of the grid that are tried, as shares of a block
_JPEG = 8  # pixels, side of a JPEG block
_WEAKER = 0.3  # by how much less a grid beside JPEG's may correlate than any with JPEG's lines
_TOGETHER = 16  # rows of blocks of which the means are taken at a time
_ALIKE = 0.002  # correlations that differ by less come from rounding


@dataclass(frozen=True)
class Grid:
    """Where blocks lie along a line of pixels.

    Attributes:
        size: side of a block in pixels, whole or not.
        start: where a block begins, in pixels; 0 at the picture's edge, else what a crop left of
            the first block.
        fit: correlation of the grid's lines with where neighbours differ, up to 1.
    """

    size: float
    start: float
    fit: float

    @property
    def before_edge(self) -> float:
        """Pixels of the first block that lie before the picture's edge."""
        return -(self.start + self.size * np.floor((0.5 - self.start) / self.size))

    def blocks(self, length: int) -> np.ndarray:
        """The number of the block that each of `length` pixels lies in, from 0."""
        places = (np.arange(length) + 0.5 - self.start) / self.size
        numbers = np.floor(places + 1e-9).astype(int)  # a whole number may have been rounded down
        return numbers - numbers[0]


def find_grid(picture: np.ndarray) -> tuple[Grid, Grid]:
    """The grids of a pixelated picture's rows and columns; blocks are square, or nearly.

    Args:
        picture: (H, W, C), uint8. Of one that is not pixelated the answer means nothing.
    """
    across, down = differences(picture)
    profiles = [down.mean(axis=1), across.mean(axis=0)]
    # JPEG's own blocks may stand out more than the picture's: without them, where a grid is left.
    calm = [_without_jpeg_lines(profile) for profile in profiles]
    (calm_size, calm_fit), (size, fit) = _coarse(calm), _coarse(profiles)
    shown = profiles
    if calm_fit > fit - _WEAKER:
        shown, size = calm, calm_size
    rows, columns = (_fine(profile, size) for profile in shown)
    return rows, columns


def shrink(picture: np.ndarray, rows: Grid, columns: Grid) -> np.ndarray:
    """Each block of a picture as one pixel, its mean.

    Args:
        picture: (H, W, C), uint8 or uint16.
        rows: where blocks lie from top to bottom.
        columns: where they lie from left to right.
    """
    down, across = rows.blocks(picture.shape[0]), columns.blocks(picture.shape[1])
    edges = [*_firsts(down)[::_TOGETHER], len(picture)]
    strips = []
    for top, bottom in pairwise(edges):
        means = _means(picture[top:bottom].astype(np.float64), down[top:bottom], axis=0)
        strips.append(np.rint(_means(means, across, axis=1)).astype(picture.dtype))
    return np.concatenate(strips)


def _firsts(numbers: np.ndarray) -> np.ndarray:
    """Where each block begins, of the numbers of the blocks that pixels lie in."""
    return np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))


def _means(picture: np.ndarray, numbers: np.ndarray, axis: int) -> np.ndarray:
    firsts = _firsts(numbers)
    counts = np.diff(firsts, append=len(numbers))
    sums = np.add.reduceat(picture, firsts, axis=axis)
    return sums / np.expand_dims(counts, tuple({0, 1, 2} - {axis}))


def _coarse(profiles: Sequence[np.ndarray]) -> tuple[float, float]:
    """The size of block that fits both profiles' beginnings best, and how well on average."""
    begins = [profile[:_FIRST] for profile in profiles]
    length = max(map(len, begins))
    most = min(_LARGEST, max(length / 2, _SMALLEST))
    steps = int(np.ceil(2 * length * np.log(most / _SMALLEST))) + 1
    sizes = np.geomspace(_SMALLEST, most, steps)
    fits = [np.mean([_best(begin, [size]).fit for begin in begins]) for size in sizes]
    best = int(np.argmax(fits))
    return float(sizes[best]), float(fits[best])


def _fine(profile: np.ndarray, size: float) -> Grid:
    """The grid, of blocks of about this size, whose lines correlate best with a whole profile."""
    length = min(_FIRST, len(profile))
    while True:
        # Sizes that drift from the one found by up to a few pixels over this length.
        near = size * (1 + np.arange(-16, 17) / 8 / length)
        best = _best(profile[:length], np.maximum(near, 1))
        if length == len(profile):
            break
        size, length = best.size, min(2 * length, len(profile))
    # A picture that was not cropped holds a whole number of blocks, as good as what was found.
    pixels = len(profile) + 1
    edge = _best(profile, [pixels / max(1, round(pixels / best.size))], phases=1)
    return edge if edge.fit > best.fit - _ALIKE else best


def _without_jpeg_lines(profile: np.ndarray) -> np.ndarray:
    """A profile whose most prominent every eighth value is made as large as the second most."""
    means = np.array([profile[first::_JPEG].mean() for first in range(min(_JPEG, len(profile)))])
    second, first = np.argsort(means)[-2:] if len(means) > 1 else (0, 0)
    calm = profile.copy()
    calm[first::_JPEG] *= means[second] / max(means[first], 1e-9)
    return calm


def _best(profile: np.ndarray, sizes: Sequence[float] | np.ndarray, phases: int = _PHASES) -> Grid:
    """The best grid among these sizes, each at so many places; one: from the edge on."""
    pixels = np.arange(len(profile) + 1, dtype=np.float32) + np.float32(0.5)
    wanted = profile - profile.mean()
    norm = max(float(np.linalg.norm(wanted)), 1e-9)
    best = Grid(float(sizes[0]), 0.0, -1.0)
    shares = (np.arange(phases, dtype=np.float32) / phases)[:, None]
    for size in sizes:
        lines = np.diff(np.floor(pixels / np.float32(size) - shares)) > 0
        count = lines.sum(axis=1)
        spread = np.sqrt(np.maximum(count * (1 - count / len(profile)), 1e-9))
        fits = (lines @ wanted) / (spread * norm)
        place = int(np.argmax(fits))
        if fits[place] > best.fit:
            best = Grid(float(size), float(size * place / phases), float(fits[place]))
    return best
