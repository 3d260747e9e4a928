"""Differences of neighbouring pixels at the picture's own size."""

from functools import reduce
from itertools import pairwise

import cv2
import numpy as np

from data.registries import REPRESENTATIONS

# |difference| 0 to 255 on a logarithmic scale: a step of one gray level shows.
_LEVELS = np.rint(255 / 8 * np.log2(1 + np.arange(256))).astype(np.uint8)
_STRIP = 2**20  # pixels whose differences are taken together
_REACH = 8  # pixels to each side among which a column's or row's differences are judged


@REPRESENTATIONS.register
class Differences:
    """How much neighbours differ, across and down, where most of the picture's detail is.

    Resizing destroys what pixelation leaves: equal neighbours at regular distances. So a square
    is cut out at the picture's own size, where differences are largest. Channels: differences
    across; down; and, where a column (row) stands among its neighbours by the differences summed
    over the whole square, which shows a grid too weak to be seen in a single row.

    Args:
        size: side of the square; a smaller picture's differences are mirrored.
    """

    def __init__(self, size: int = 224) -> None:
        if size < 2:
            raise ValueError(f"size is {size}; it must be at least 2")
        self.size = size

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """`picture` (H, W, 1 or 3), uint8, any size, as (size, size, 3), uint8."""
        across, down = differences(picture)
        window = liveliest(across, down, self.size)
        across, down = (self._filled(levels[window]) for levels in (across, down))
        lines = 0.5 * (prominence(across, 0)[None, :] + prominence(down, 1)[:, None])
        return np.dstack([across, down, np.rint(255 * lines).astype(np.uint8)])

    def _filled(self, levels: np.ndarray) -> np.ndarray:
        missing = [(0, self.size - length) for length in levels.shape]
        return np.pad(levels, missing, mode="symmetric")


def differences(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences to the right and to the lower neighbour, each (H - 1, W - 1), at least (1, 1).

    Of several channels the largest counts; 0 is equal, 255 is black beside white, in between
    log2(1 + |difference|) / 8.

    Args:
        picture: (H, W, C), uint8.
    """
    if min(picture.shape[:2]) < 2:  # a line has neighbours on one side only
        picture = np.pad(picture, [(0, int(n < 2)) for n in picture.shape[:2]] + [(0, 0)], "edge")
    height, width, _ = picture.shape
    across, down = (np.empty((height - 1, width - 1), np.uint8) for _ in range(2))
    rows = max(1, _STRIP // width)
    for top in range(0, height - 1, rows):
        strip = picture[top : top + rows + 1]
        here = strip[:-1, :-1]
        across[top : top + rows] = _levels(here, strip[:-1, 1:])
        down[top : top + rows] = _levels(here, strip[1:, :-1])
    return across, down


def _levels(here: np.ndarray, beside: np.ndarray) -> np.ndarray:
    apart = cv2.absdiff(here, beside)
    return cv2.LUT(reduce(cv2.max, cv2.split(apart)), _LEVELS)


def liveliest(across: np.ndarray, down: np.ndarray, size: int) -> tuple[slice, slice]:
    """Where the square of `size` pixels with the largest differences lies, on a coarse grid."""
    step = max(1, size // 4)
    shape = across.shape
    rows, columns = (
        np.unique(np.append(np.arange(0, max(1, n - size + 1), step), max(0, n - size)))
        for n in shape
    )
    bottoms, rights = (
        np.minimum(starts + size, n) for starts, n in zip((rows, columns), shape, strict=True)
    )
    edges = np.union1d(rows, bottoms), np.union1d(columns, rights)
    sums = _sums_at(cv2.addWeighted(across, 0.5, down, 0.5, 0), *edges)

    def above_left(ends: np.ndarray, sides: np.ndarray) -> np.ndarray:
        return sums[np.ix_(np.searchsorted(edges[0], ends), np.searchsorted(edges[1], sides))]

    totals = (
        above_left(bottoms, rights)
        - above_left(rows, rights)
        - above_left(bottoms, columns)
        + above_left(rows, columns)
    )
    row, column = np.unravel_index(np.argmax(totals), totals.shape)
    return slice(rows[row], bottoms[row]), slice(columns[column], rights[column])


def _sums_at(levels: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """An integral image at these rows and columns only: 0 and the picture's ends are among them."""
    strips = [
        cv2.reduce(levels[top:bottom], 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
        for top, bottom in pairwise(rows)
    ]
    cells = np.add.reduceat(np.array(strips, np.int64), columns[:-1], axis=1)
    return np.pad(cells.cumsum(0).cumsum(1), [(1, 0), (1, 0)])


def prominence(levels: np.ndarray, axis: int) -> np.ndarray:
    """Mean along `axis`, divided by the largest within 8 pixels: 0 to 1, one value a line."""
    profile = levels.mean(axis=axis, dtype=np.float32)
    largest = cv2.dilate(profile[None, :], np.ones((1, 2 * _REACH + 1)))[0]
    return profile / np.maximum(largest, 1e-6)
