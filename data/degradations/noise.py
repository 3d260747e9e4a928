"""Noise of a sensor."""

from collections.abc import Sequence

import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS
from utils.registry import did_you_mean

_KINDS = ("gaussian", "poisson")


@DEGRADATIONS.register
class Noise:
    """Noise that is new for each pixel.

    Args:
        sigma: standard deviation in grey levels of 255: a number, or [low, high] to draw one for
            each picture.
        kind: `gaussian` is as strong everywhere. `poisson` is the noise of counted light: sigma
            is its strength at white, and it falls with the root of the brightness.
        gray: the same noise in all channels.
    """

    def __init__(
        self, sigma: float | Sequence[float], kind: str = "gaussian", gray: bool = False
    ) -> None:
        if kind not in _KINDS:
            raise ValueError(f"kind is {kind!r}; {did_you_mean(kind, _KINDS)}")
        self.sigma = Range(sigma, "sigma", at_least=0)
        self.kind = kind
        self.gray = gray

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32 in [0, 1], with the same shape; not clipped."""
        sigma = self.sigma.draw(rng) / 255
        if sigma == 0:
            return image
        height, width, channels = image.shape
        if self.kind == "gaussian":
            shape = (height, width, 1 if self.gray else channels)
            return image + np.float32(sigma) * rng.standard_normal(shape, dtype=np.float32)
        photons = 1 / sigma**2  # counted at white: a Poisson count's variance is its mean
        light = image.clip(0, 1)
        if self.gray:
            light = light.mean(axis=2, keepdims=True)
        counted = rng.poisson(light * photons) / photons
        return (image + (counted - light)).astype(np.float32)
