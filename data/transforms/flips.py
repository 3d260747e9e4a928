"""Random flips and transposes."""

from typing import Any

import numpy as np

from data.registries import TRANSFORMS
from data.transforms.geometry import map_pictures


@TRANSFORMS.register
class RandomFlip:
    """Mirror a picture, each way with probability one half.

    Args:
        horizontal: whether left and right may change places.
        vertical: whether top and bottom may.
    """

    def __init__(self, horizontal: bool = True, vertical: bool = True) -> None:
        self.horizontal = horizontal
        self.vertical = vertical

    def __call__(self, sample: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Mirror both pictures alike."""
        mirror, upend = rng.random(2) < 0.5
        if mirror and self.horizontal:
            sample = map_pictures(sample, lambda image: image[:, ::-1])
        if upend and self.vertical:
            sample = map_pictures(sample, lambda image: image[::-1])
        return sample


@TRANSFORMS.register
class RandomTranspose:
    """Swap rows and columns with probability one half."""

    def __call__(self, sample: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Transpose both pictures alike."""
        if rng.random() < 0.5:
            sample = map_pictures(sample, lambda image: image.swapaxes(0, 1))
        return sample
