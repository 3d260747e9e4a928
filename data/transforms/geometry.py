"""Geometry that input and target of a sample go through together."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.errors import DataError


def map_pictures(sample: dict[str, Any], change: Callable[[np.ndarray], np.ndarray]) -> dict:
    """A sample with `change` applied to each picture it has."""
    changed = {half: change(sample[half]) for half in ("input", "target") if half in sample}
    return {**sample, **changed}


def sample_scale(sample: dict[str, Any]) -> int:
    """How many times larger the target is than the input; 1 where there is no input.

    Raises:
        DataError: the sizes do not fit a whole scale.
    """
    if "input" not in sample:
        return 1
    (height, width), (tall, wide) = sample["input"].shape[:2], sample["target"].shape[:2]
    scale = tall // height
    if scale < 1 or (tall, wide) != (height * scale, width * scale):
        raise DataError(
            f"{sample['name']}: target {wide}x{tall} is no whole multiple of input {width}x{height}"
        )
    return scale


def crop(sample: dict[str, Any], top: int, left: int, side: int, scale: int) -> dict[str, Any]:
    """A square out of both pictures; position and side in pixels of the input."""
    cropped = dict(sample)
    for half, factor in (("input", 1), ("target", scale)):
        if half in sample:
            rows = slice(top * factor, (top + side) * factor)
            columns = slice(left * factor, (left + side) * factor)
            cropped[half] = sample[half][rows, columns]
    return cropped


def random_square(
    sample: dict[str, Any], side: int, scale: int, rng: np.random.Generator
) -> dict[str, Any]:
    """A square of `side` input pixels from a random place that both pictures have."""
    height, width = (length // scale for length in sample["target"].shape[:2])
    top = int(rng.integers(height - side + 1))
    left = int(rng.integers(width - side + 1))
    return crop(sample, top, left, side, scale)


def input_side(size: int, scale: int, transform: str) -> int:
    """A target's side in pixels of its input.

    Raises:
        DataError: the side does not divide by the scale.
    """
    if size % scale:
        raise DataError(f"{transform}'s size {size} does not divide by the pictures' scale {scale}")
    return size // scale
