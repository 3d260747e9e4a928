"""What is made of restored pieces before they are final: their average over turns, another size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from engine.picture_form import TURNS, turned_to
from engine.tiling import Piece
from utils.image_rows import Pixels
from utils.resampling import resized_bands

_STRIP = 2**21  # pixels of an average that are given together


def averaged(
    restored: Callable[[np.ndarray], Iterable[Piece]], image: Pixels, scale: int
) -> Iterator[Piece]:
    """The average of what eight orientations of a picture become, turned back: in strips.

    Args:
        restored: the pieces, float32 CHW, of a gray or RGB picture, HWC.
        image: all of it is held, and float32 of the size of the result.
        scale: of the result.
    """
    height, width, _ = image.shape
    colours = image[0:height, 0:width][..., :3]
    total = np.zeros((height * scale, width * scale, colours.shape[2]), np.float32)
    for turn in TURNS:
        turned = turned_to(total, turn)  # a view: what is added to it is turned back in total
        for place, piece in restored(turned_to(colours, turn)):
            turned[place] += piece.movedim(0, -1).cpu().numpy()
    total /= len(TURNS)
    rows = max(1, _STRIP // (width * scale))
    strips = (total[top : top + rows] for top in range(0, height * scale, rows))
    return _placed(strips, width * scale)


def resized(
    pieces: Iterable[Piece], size: tuple[int, int], new_size: tuple[int, int]
) -> Iterator[Piece]:
    """A picture in pieces, by bicubic resampling with antialiasing at another size: in strips."""
    return _placed(resized_bands(_bands(pieces, size[1]), size, new_size), new_size[1])


def _bands(pieces: Iterable[Piece], width: int) -> Iterator[np.ndarray]:
    """Pieces beside each other as rows, HWC, of the whole width."""
    beside = []
    for (_, columns), piece in pieces:
        beside.append(piece.movedim(0, -1).cpu().numpy())
        if columns.stop == width:
            yield np.concatenate(beside, axis=1)
            beside = []


def _placed(strips: Iterable[np.ndarray], width: int) -> Iterator[Piece]:
    """Strips of rows, HWC, from top to bottom, as pieces."""
    top = 0
    for strip in strips:
        bottom = top + len(strip)
        yield (slice(top, bottom), slice(0, width)), torch.from_numpy(strip).movedim(-1, 0)
        top = bottom
