"""Pictures that were small once."""

from collections.abc import Sequence

import cv2
import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS

_ENLARGING = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)


@DEGRADATIONS.register
class LowResolution:
    """Shrink a picture by averaging areas and enlarge it again smoothly, to its own size.

    Enlarging is bilinear or bicubic, drawn for each picture.

    Args:
        factor: how many times smaller the picture is in between, whole or not: a number, or
            [low, high] to draw one for each picture.
    """

    def __init__(self, factor: float | Sequence[float] = (2.0, 4.0)) -> None:
        self.factor = Range(factor, "factor", at_least=1)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32 in [0, 1], with the same shape; overshoots are clipped."""
        factor = self.factor.draw(rng)
        enlarging = _ENLARGING[int(rng.integers(len(_ENLARGING)))]
        height, width = image.shape[:2]
        small = tuple(max(1, round(length / factor)) for length in (width, height))
        shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        enlarged = cv2.resize(shrunk, (width, height), interpolation=enlarging)
        return enlarged.reshape(image.shape).clip(0, 1)
