"""Pictures at another size, or without their edges: what happens to files on their way."""

from collections.abc import Sequence

import cv2
import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS
from utils.registry import did_you_mean

_ENLARGING = {
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}


@DEGRADATIONS.register
class Rescale:
    """Another size: areas are averaged where the picture shrinks, a kernel is fitted where not.

    The result has another size than the target, so this is for labelled pictures.

    Args:
        factor: height and width of the result divided by the picture's: a number, or [low, high]
            to draw one for each picture.
        methods: kernels to enlarge with, of which one is drawn: bilinear, bicubic, lanczos.
    """

    def __init__(
        self, factor: float | Sequence[float], methods: Sequence[str] = tuple(_ENLARGING)
    ) -> None:
        self.factor = Range(factor, "factor", at_least=0.01)
        unknown = [method for method in methods if method not in _ENLARGING]
        if unknown or not methods:
            proposal = did_you_mean(str(unknown[0]) if unknown else "", _ENLARGING)
            raise ValueError(f"methods is {methods}; {proposal}")
        self.methods = list(methods)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32 in [0, 1], at its new size; what overshoots is clipped."""
        factor = self.factor.draw(rng)
        method = _ENLARGING[self.methods[int(rng.integers(len(self.methods)))]]
        height, width = (max(1, round(length * factor)) for length in image.shape[:2])
        if (height, width) == image.shape[:2]:
            return image
        kernel = cv2.INTER_AREA if factor < 1 else method
        resized = cv2.resize(image, (width, height), interpolation=kernel)
        return resized.reshape(height, width, image.shape[2]).clip(0, 1)


@DEGRADATIONS.register
class Trim:
    """Some rows and columns fewer at each edge, as after cropping by hand.

    The result has another size than the target, so this is for labelled pictures.

    Args:
        most: at most so many pixels go at each edge; how many is drawn.
    """

    def __init__(self, most: int) -> None:
        if most < 0:
            raise ValueError(f"most is {most}; it must be at least 0")
        self.most = most

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C) without its edges; one pixel remains of the smallest."""
        top, bottom, left, right = rng.integers(0, self.most, 4, endpoint=True)
        height, width = image.shape[:2]
        rows = slice(min(top, height - 1), max(height - bottom, min(top, height - 1) + 1))
        columns = slice(min(left, width - 1), max(width - right, min(left, width - 1) + 1))
        return image[rows, columns]
