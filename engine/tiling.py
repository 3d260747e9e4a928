"""A picture in tiles: where each one lies, what it sees, and how they become one picture again.

A tile restores its own part of the picture and sees `overlap` pixels beyond it on every side; at
the picture's borders it ends where the picture ends, so that an architecture treats them as it does
in the whole picture. Where the overlap covers the receptive field, each pixel comes from one tile
and is what the whole picture gives; where it does not, neighbours are blended linearly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from modeling.descriptor import Descriptor
from utils.image_rows import Place

RestorePart = Callable[[slice, slice], Tensor]  # input rows and columns -> CHW, times the scale
Piece = tuple[Place, Tensor]  # where it belongs in the result, and CHW


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut, in input pixels.

    Attributes:
        tile: side of the part that one tile restores.
        overlap: what it sees beyond that part on every side.
        ramp: how far blending reaches to each side of a boundary between two parts; 0 where each
            pixel comes from one tile alone.
        multiple: the architecture's size multiple, on which every tile and its part start; `tile`
            and `overlap` are multiples of it.
    """

    tile: int
    overlap: int
    ramp: int
    multiple: int = 1

    @property
    def window(self) -> int:
        """Side of what goes through the network at once, at most."""
        return self.tile + 2 * self.overlap

    def covers(self, size: Sequence[int]) -> bool:
        """Whether a picture of this height and width is one tile."""
        return max(size) <= self.tile


def exact_overlap(descriptor: Descriptor, reach: int = 0) -> int:
    """The least overlap, in pixels, with which tiles give what the whole picture gives.

    Half the receptive field, on the grid of the size multiple.

    Args:
        descriptor: the architecture's.
        reach: pixels that the steps around the architecture reach to each side.
    """
    return _up(max(descriptor.receptive_field // 2, reach), descriptor.size_multiple)


def spans_of(length: int, tiling: Tiling) -> list[Span]:
    """The tiles along one side of `length` pixels: few, and alike in size."""
    count = -(-length // tiling.tile)
    side = _up(-(-length // count), tiling.multiple)
    edges = [*range(0, length, side), length]
    # Beyond half a part, the ramps of its two boundaries would meet.
    ramp = min(tiling.ramp, side // 2)
    return [Span(begin, end, length, tiling.overlap, ramp) for begin, end in pairwise(edges)]


class Span:
    """One tile along one side, `length` pixels, of the picture; its own part is begin to end.

    Attributes:
        window: the input pixels that the tile sees.
        first: first pixel to which the tile contributes.
        last: the pixel after the last one.
    """

    def __init__(self, begin: int, end: int, length: int, overlap: int, ramp: int) -> None:
        self._begin, self._end, self._length, self._ramp = begin, end, length, ramp
        self.window = slice(max(0, begin - overlap), min(length, end + overlap))
        self.first = max(0, begin - ramp)
        self.last = min(length, end + ramp)

    def given(self, scale: int) -> slice:
        """Where the tile contributes, in pixels of the result."""
        return slice(self.first * scale, self.last * scale)

    def taken(self, scale: int) -> slice:
        """The same pixels, counted from the tile's own first one."""
        start = self.window.start
        return slice((self.first - start) * scale, (self.last - start) * scale)

    def weights(self, scale: int) -> Tensor:
        """The tile's share in each pixel of `given`; those of all tiles add up to 1."""
        count = (self.last - self.first) * scale
        position = self.first + (torch.arange(count, dtype=torch.float32) + 0.5) / scale
        share = torch.ones(count)
        if self._begin > 0:
            share = share * ((position - self._begin) / (2 * self._ramp) + 0.5).clamp(0, 1)
        if self._end < self._length:
            share = share * ((self._end - position) / (2 * self._ramp) + 0.5).clamp(0, 1)
        return share


def restored_pieces(
    restore: RestorePart, size: Sequence[int], tiling: Tiling, scale: int
) -> Iterator[Piece]:
    """Restore a picture tile by tile and give each piece as soon as it is final.

    Pieces cover the result without gaps and without overlap. No more than one tile is on the
    device; what is blended is kept on the CPU, one row of tiles at a time.

    Args:
        restore: restores the input's pixels at these rows and columns to float32 CHW.
        size: the input's height and width.
        tiling: how it is cut.
        scale: the architecture's.

    Yields:
        Rows and columns of the result, and the float32 CHW tensor that belongs there.
    """
    rows, columns = (spans_of(length, tiling) for length in size)
    if tiling.ramp == 0:
        for row in rows:
            for column in columns:
                output = restore(row.window, column.window)
                piece = output[:, row.taken(scale), column.taken(scale)]
                yield (row.given(scale), column.given(scale)), piece
        return
    across = slice(0, size[1] * scale)
    carried: Tensor | None = None
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        strip = _blended_row(restore, row, columns, scale) * row.weights(scale)[:, None]
        if carried is not None:
            strip[:, : carried.shape[1]] += carried
        final = (row.last if following is None else following.first) - row.first
        carried = strip[:, final * scale :]
        start = row.first * scale
        yield (slice(start, start + final * scale), across), strip[:, : final * scale]


def count_pieces(size: Sequence[int], tiling: Tiling) -> int:
    """How many pieces `restored_pieces` gives."""
    rows, columns = (len(spans_of(length, tiling)) for length in size)
    return rows if tiling.ramp else rows * columns


def _blended_row(restore: RestorePart, row: Span, columns: Sequence[Span], scale: int) -> Tensor:
    """All tiles of one row, blended sideways: CHW on the CPU."""
    strip: Tensor | None = None
    for column in columns:
        output = restore(row.window, column.window)
        given = output[:, row.taken(scale), column.taken(scale)].cpu()
        if strip is None:
            strip = given.new_zeros(*given.shape[:2], columns[-1].last * scale)
        strip[:, :, column.given(scale)] += given * column.weights(scale)
    assert strip is not None  # a picture has at least one column
    return strip


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
