"""Pixels that are skipped, and pixels that are repeated."""

from collections.abc import Sequence

import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS


@DEGRADATIONS.register
class Nearest:
    """Shrink a picture by keeping the nearest pixel of each block: edges alias.

    Args:
        scale: how many times smaller the picture becomes.
    """

    def __init__(self, scale: int) -> None:
        if scale < 1:
            raise ValueError(f"scale is {scale}; it must be at least 1")
        self.scale = scale

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C) as (H / scale, W / scale, C); nothing is drawn."""
        height, width = (length // self.scale for length in image.shape[:2])
        return resize_nearest(image, height, width)


@DEGRADATIONS.register
class Pixelate:
    """Pixelation at the picture's own size: shrunk and enlarged again by the nearest pixel.

    Args:
        factor: how many times smaller the picture is in between, whole or not: a number, or
            [low, high] to draw one for each picture.
    """

    def __init__(self, factor: float | Sequence[float] = (1.5, 4.0)) -> None:
        self.factor = Range(factor, "factor", at_least=1)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C) with the same shape, type and range."""
        height, width = image.shape[:2]
        factor = self.factor.draw(rng)
        small = (max(1, round(length / factor)) for length in (height, width))
        return resize_nearest(resize_nearest(image, *small), height, width)


def resize_nearest(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """`image` (H, W, C) as (height, width, C): the pixel in which each new pixel's centre lies."""
    rows, columns = (
        ((2 * np.arange(new) + 1) * old) // (2 * new)
        for old, new in zip(image.shape[:2], (height, width), strict=True)
    )
    return image[rows[:, None], columns]
