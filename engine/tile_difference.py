"""What tiles change where they cannot give the whole picture's result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.tile_choice import TileChooser
from engine.tiling import Tiling
from utils.image_rows import Pixels


@dataclass(frozen=True)
class TileDifference:
    """How far a part of a picture in tiles is from the same restored whole.

    Attributes:
        size: height and width of the part.
        tile: side of the tiles.
        most: the largest difference in gray levels of 255.
        mean: the average one.
    """

    size: tuple[int, int]
    tile: int
    most: float
    mean: float

    def __str__(self) -> str:
        """In words."""
        return (
            f"on {self.size[1]}x{self.size[0]} pixels, tiles of {self.tile} changed gray levels "
            f"(of 255) by {self.most:.1f} at most, {self.mean:.2f} on average"
        )


def measure_difference(
    restore_in: Callable[[Tiling, np.ndarray], np.ndarray],
    picture: Pixels,
    tiling: Tiling,
    chooser: TileChooser,
) -> TileDifference:
    """Restore the middle of a picture whole and in tiles of half its size.

    It is as large as what goes through at once, and is thus known to fit into memory.

    Args:
        restore_in: restores gray or RGB, HWC, in the tiles it is given.
        picture: the whole picture.
        tiling: its tiles.
        chooser: chose them.
    """
    top, left = (max(0, (length - tiling.window) // 2) for length in picture.shape[:2])
    part = picture[top : top + tiling.window, left : left + tiling.window][..., :3]
    halves = chooser.tiling(max(1, tiling.window // 2), tiling.overlap)
    whole, tiled = (
        restore_in(how, part).astype(np.float32) for how in (chooser.whole(part.shape[:2]), halves)
    )
    levels = np.abs(whole - tiled) * (255 / np.iinfo(picture.dtype).max)
    size = (part.shape[0], part.shape[1])
    return TileDifference(size, halves.tile, float(levels.max()), float(levels.mean()))
