"""Clean and pixelated pictures, and what else may have happened to either."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.degradations.pixelation import Pixelate
from data.degradations.ranges import Range
from data.registries import DEGRADATIONS, LABELLERS
from utils.registry import build_part


@LABELLERS.register
class Pixelation:
    """Label 1 for a picture whose pixels were made larger by the nearest neighbour, else 0.

    What happens before and after is drawn alike for both labels: blur, enlarging, JPEG or noise
    tell nothing of the label, so that only the repeated pixels do.

    Args:
        factor: how many times larger the pixels become: a number, or [low, high].
        also: factors of which one is taken instead for some pictures: people pixelate by 2 or 4
            more often than by 2.37, and whole factors look most like JPEG's own grid.
        share: of the pictures whose factor is one of `also`.
        before: degradations of the clean picture, `{NAME: ..., ARGS: {...}}`, in order.
        after: degradations of the labelled picture, likewise.

    Raises:
        ConfigError: a degradation that cannot be built.
    """

    classes = ("clean", "pixelated")

    def __init__(
        self,
        factor: float | Sequence[float] = (1.5, 4.0),
        also: Sequence[float] = (),
        share: float = 0.0,
        before: Sequence[Mapping[str, Any]] = (),
        after: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        if not 0 <= share <= 1 or (share > 0 and not also):
            raise ValueError(f"share is {share}; it must be between 0 and 1, and 0 without also")
        self.factor = Range(factor, "factor", at_least=1)
        self.also = [Range(one, "also", at_least=1).low for one in also]
        self.share = share
        self.before = _built(before, "before")
        self.after = _built(after, "after")

    def __call__(self, image: np.ndarray, label: int, rng: np.random.Generator) -> np.ndarray:
        """A clean `image` (H, W, C), float32 in [0, 1], as one of this label: maybe smaller."""
        # Streams of their own: what is drawn before and after does not depend on the label.
        first, own, last = rng.spawn(3)
        for degradation in self.before:
            image = degradation(image, first)
        if label:
            image = Pixelate(self._draw(own))(image, own)
        for degradation in self.after:
            image = degradation(image, last)
        return image

    def _draw(self, rng: np.random.Generator) -> float:
        if rng.random() < self.share:
            return self.also[int(rng.integers(len(self.also)))]
        return self.factor.draw(rng)


def _built(parts: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [
        build_part(DEGRADATIONS, part, f"DATA.LABELLER.ARGS.{name}.{position}")
        for position, part in enumerate(parts)
    ]
