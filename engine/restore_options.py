"""What a user can ask for when a picture is restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from utils.errors import ConfigError, ImageError, ImageTooLargeError
from utils.images import MOST_PIXELS

SMALLEST_TILE = 16  # pixels of a side: below, a tile is nearly all overlap
_OUTSCALES = (1e-4, 1e4)  # beyond these no picture leaves a pixel, or fits into memory


@dataclass(frozen=True)
class RestoreOptions:
    """How pictures are restored, beside what the weights determine.

    Attributes:
        tile: side in pixels of the part of the input that is restored at once, `SMALLEST_TILE` at
            least, rounded up to the architecture's size multiple; None restores the whole picture
            while memory suffices, else in the largest tiles that fit.
        tile_overlap: pixels that a tile sees beyond its part on every side, rounded up likewise;
            None takes what makes tiles equal to the whole picture. Less is faster, and blended.
        self_ensemble: average the results of all eight rotations and reflections of the picture
            (Lim et al., "Enhanced Deep Residual Networks", CVPRW 2017, section 3.4). Eight times
            the work.
        outscale: height and width of the result divided by the input's, whatever the model's
            scale, from 0.0001 to 10000; reached by antialiased bicubic resampling. None keeps the
            model's.

    Raises:
        ConfigError: a value out of range.
    """

    tile: int | None = None
    tile_overlap: int | None = None
    self_ensemble: bool = False
    outscale: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.tile is not None and self.tile < SMALLEST_TILE:
            raise ConfigError(f"tile: {self.tile}; give {SMALLEST_TILE} pixels or more")
        if self.tile_overlap is not None and self.tile_overlap < 0:
            raise ConfigError(f"tile_overlap: {self.tile_overlap}; give 0 pixels or more")
        least, most = _OUTSCALES
        if self.outscale is not None and not least <= self.outscale <= most:
            raise ConfigError(
                f"outscale: {self.outscale}; give a factor from {least} to {most:.0f}"
            )

    def size_of(
        self, height: int, width: int, scale: int, name: str = "picture"
    ) -> tuple[int, int]:
        """Height and width of the result of an input of this size, by a model of this scale.

        Raises:
            ImageTooLargeError: naming `name`, for more pixels than a picture file may have.
            ImageError: naming `name`, where not even half a pixel would be left.
        """
        factor = scale if self.outscale is None else self.outscale
        size = max(1, round(height * factor)), max(1, round(width * factor))
        if max(height, width) * factor < 0.5:
            raise ImageError(
                f"{name}: nothing of {width}x{height} pixels would be left; give a larger factor"
            )
        if size[0] * size[1] > MOST_PIXELS:
            raise ImageTooLargeError(
                f"{name}: would become {size[1]}x{size[0]} pixels, more than the {MOST_PIXELS:,} "
                "that a picture may have; give a smaller factor"
            )
        return size


DEFAULTS = RestoreOptions()


class RestoresPictures(Protocol):
    """What files and videos are restored by: `engine.restorer.Restorer`, or one around it."""

    def restore(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> np.ndarray:
        """Restore one picture, HWC; see `engine.restorer.Restorer.restore`."""
