"""What a user can ask for when a picture is restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from utils.errors import ConfigError


@dataclass(frozen=True)
class RestoreOptions:
    """How pictures are restored, beside what the weights determine.

    Attributes:
        tile: side in pixels of the part of the input that is restored at once, rounded up to the
            architecture's size multiple; None restores the whole picture while memory suffices,
            else in the largest tiles that fit.
        tile_overlap: pixels that a tile sees beyond its part on every side, rounded up likewise;
            None takes what makes tiles equal to the whole picture. Less is faster, and blended.
        self_ensemble: average the results of all eight rotations and reflections of the picture
            (Lim et al., "Enhanced Deep Residual Networks", CVPRW 2017, section 3.4). Eight times
            the work.
        outscale: height and width of the result divided by the input's, whatever the model's
            scale; reached by antialiased bicubic resampling. None keeps the model's.

    Raises:
        ConfigError: a value out of range.
    """

    tile: int | None = None
    tile_overlap: int | None = None
    self_ensemble: bool = False
    outscale: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.tile is not None and self.tile < 1:
            raise ConfigError(f"tile: {self.tile} is no size; give 1 pixel or more")
        if self.tile_overlap is not None and self.tile_overlap < 0:
            raise ConfigError(f"tile_overlap: {self.tile_overlap}; give 0 pixels or more")
        if self.outscale is not None and not 0 < self.outscale < float("inf"):
            raise ConfigError(f"outscale: {self.outscale}; give a factor above 0")

    def size_of(self, height: int, width: int, scale: int) -> tuple[int, int]:
        """Height and width of the result of an input of this size, by a model of this scale."""
        factor = scale if self.outscale is None else self.outscale
        return max(1, round(height * factor)), max(1, round(width * factor))


DEFAULTS = RestoreOptions()


class RestoresPictures(Protocol):
    """What files and videos are restored by: `engine.restorer.Restorer`, or one around it."""

    def restore(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> np.ndarray:
        """Restore one picture, HWC; see `engine.restorer.Restorer.restore`."""
