"""Gaussian blur, the same in all directions or not."""

from collections.abc import Sequence

import cv2
import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS

_CUT_OFF = 4.0  # standard deviations from the centre, beyond which the kernel is 0


@DEGRADATIONS.register
class Blur:
    """Gaussian blur.

    Args:
        sigma: standard deviation in pixels, along the kernel's longer axis: a number, or
            [low, high] to draw one for each picture.
        aspect: the shorter axis as a share of the longer, likewise; below 1 the kernel lies at an
            angle that is drawn for each picture.
    """

    def __init__(
        self, sigma: float | Sequence[float] = (0.2, 3.0), aspect: float | Sequence[float] = 1.0
    ) -> None:
        self.sigma = Range(sigma, "sigma", at_least=0)
        self.aspect = Range(aspect, "aspect", at_least=0.01, at_most=1)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32, with the same shape and range; mirrored at its edges."""
        sigma = self.sigma.draw(rng)
        aspect = self.aspect.draw(rng)
        if round(_CUT_OFF * sigma) == 0:
            return image
        if aspect == 1:
            line = _bell(np.arange(-_radius(sigma), _radius(sigma) + 1.0), sigma)
            blurred = cv2.sepFilter2D(image, -1, line, line, borderType=cv2.BORDER_REFLECT)
        else:
            kernel = gaussian_kernel(sigma, aspect * sigma, rng.uniform(0, np.pi))
            blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT)
        return blurred.reshape(image.shape)  # OpenCV drops a single channel's axis


def gaussian_kernel(long: float, short: float, angle: float) -> np.ndarray:
    """A square Gaussian kernel, summing to 1.

    Args:
        long: standard deviation in pixels along the axis at `angle`.
        short: standard deviation across it.
        angle: from the x axis towards y, in radians.
    """
    reach = np.arange(-_radius(long), _radius(long) + 1.0)
    x, y = reach[None, :], reach[:, None]
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((along / long) ** 2 + (across / short) ** 2))
    return kernel / kernel.sum()


def _bell(x: np.ndarray, sigma: float) -> np.ndarray:
    weights = np.exp(-0.5 * (x / sigma) ** 2)
    return weights / weights.sum()


def _radius(sigma: float) -> int:
    return round(_CUT_OFF * sigma)
