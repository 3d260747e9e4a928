"""Clean and pixelated pictures, and what else may have happened to either."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.degradations.pixelation import Pixelate
from data.registries import DEGRADATIONS, LABELLERS
from utils.registry import build_part


@LABELLERS.register
class Pixelation:
    """Label 1 for a picture whose pixels were made larger by the nearest neighbour, else 0.

    What happens before and after is drawn alike for both labels: blur, enlarging, JPEG or noise
    tell nothing of the label, so that only the repeated pixels do.

    Args:
        factor: how many times larger the pixels become: a number, or [low, high].
        before: degradations of the clean picture, `{NAME: ..., ARGS: {...}}`, in order.
        after: degradations of the labelled picture, likewise.

    Raises:
        ConfigError: a degradation that cannot be built.
    """

    classes = ("clean", "pixelated")

    def __init__(
        self,
        factor: float | Sequence[float] = (1.5, 4.0),
        before: Sequence[Mapping[str, Any]] = (),
        after: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.pixelate = Pixelate(factor)
        self.before = _built(before, "before")
        self.after = _built(after, "after")

    def __call__(self, image: np.ndarray, label: int, rng: np.random.Generator) -> np.ndarray:
        """A clean `image` (H, W, C), float32 in [0, 1], as one of this label: maybe smaller."""
        # Streams of their own: what is drawn before and after does not depend on the label.
        first, own, last = rng.spawn(3)
        for degradation in self.before:
            image = degradation(image, first)
        if label:
            image = self.pixelate(image, own)
        for degradation in self.after:
            image = degradation(image, last)
        return image


def _built(parts: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [
        build_part(DEGRADATIONS, part, f"DATA.LABELLER.ARGS.{name}.{position}")
        for position, part in enumerate(parts)
    ]
