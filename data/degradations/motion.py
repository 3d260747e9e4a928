"""Blur of a camera or a subject that moves while the shutter is open."""

from collections.abc import Sequence

import cv2
import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS

_FINE = 8  # a motion's path is sampled so many times a pixel


@DEGRADATIONS.register
class MotionBlur:
    """Blur along a straight line, in a direction that is drawn for each picture.

    Args:
        length: pixels that the picture moves: a number, or [low, high] to draw one for each
            picture.
    """

    def __init__(self, length: float | Sequence[float] = (3.0, 13.0)) -> None:
        self.length = Range(length, "length", at_least=0)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32, with the same shape and range; mirrored at its edges."""
        kernel = motion_kernel(self.length.draw(rng), rng.uniform(0, np.pi))
        blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT)
        return blurred.reshape(image.shape)  # OpenCV drops a single channel's axis


def motion_kernel(length: float, angle: float) -> np.ndarray:
    """A square kernel, summing to 1, of a point that moves evenly through the centre.

    Args:
        length: of its path in pixels; a path of none is the point itself.
        angle: from the x axis towards y, in radians.
    """
    count = max(1, round(_FINE * length))
    path = ((np.arange(count) + 0.5) / count - 0.5) * length
    x, y = path * np.cos(angle), path * np.sin(angle)
    radius = int(np.ceil(length / 2))
    reach = np.arange(-radius, radius + 1.0)
    # Each place on the path is shared out among the four pixels around it, by distance.
    across, down = (np.clip(1 - np.abs(places[:, None] - reach), 0, None) for places in (x, y))
    return down.T @ across / count
