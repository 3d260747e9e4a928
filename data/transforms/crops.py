"""Random crops."""

from typing import Any

import numpy as np

from data.registries import TRANSFORMS
from data.resizing import resize
from data.transforms.geometry import input_side, random_square, sample_scale
from utils.errors import DataError


@TRANSFORMS.register
class RandomCrop:
    """A square from a random place of the picture.

    Args:
        size: side of the target's crop in pixels; the input's is smaller by their scale.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size is {size}; it must be at least 1")
        self.size = size

    @property
    def smallest(self) -> int:
        """The shorter side, in pixels, that a target must have at least."""
        return self.size

    def __call__(self, sample: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Crop both pictures at the same place.

        Raises:
            DataError: the picture is smaller than the crop.
        """
        scale = sample_scale(sample)
        height, width = sample["target"].shape[:2]
        if min(height, width) < self.size:
            raise DataError(
                f"{sample['name']} is {width}x{height}, smaller than RandomCrop's size {self.size}"
            )
        return random_square(sample, input_side(self.size, scale, "RandomCrop"), scale, rng)


@TRANSFORMS.register
class RandomScaleCrop:
    """A square of random side from a random place, resized to one size.

    Args:
        size: side of the resized target in pixels; the input's is smaller by their scale.
        min_scale: smallest side of the square, as a share of the picture's shorter side.
        max_scale: largest side, at most 1.
    """

    def __init__(self, size: int, min_scale: float = 0.5, max_scale: float = 1.0) -> None:
        if size < 1:
            raise ValueError(f"size is {size}; it must be at least 1")
        if not 0 < min_scale <= max_scale <= 1:
            raise ValueError("0 < min_scale <= max_scale <= 1 must hold")
        self.size = size
        self.min_scale = min_scale
        self.max_scale = max_scale

    @property
    def smallest(self) -> int:
        """Any target will do: the square is a share of it."""
        return 1

    def __call__(self, sample: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Crop and resize both pictures alike."""
        scale = sample_scale(sample)
        small = input_side(self.size, scale, "RandomScaleCrop")
        shorter = min(sample["target"].shape[:2]) // scale
        side = max(1, round(shorter * rng.uniform(self.min_scale, self.max_scale)))
        cropped = random_square(sample, side, scale, rng)
        cropped["target"] = resize(cropped["target"], self.size)
        if "input" in cropped:
            cropped["input"] = resize(cropped["input"], small)
        return cropped
