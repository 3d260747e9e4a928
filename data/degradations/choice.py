"""Degradations that happen to some pictures only."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.registries import DEGRADATIONS
from utils.registry import build_part


@DEGRADATIONS.register
class OneOf:
    """One of several degradations, or none.

    Args:
        parts: the degradations, each `{NAME: ..., ARGS: {...}}`, none of which changes the scale.
        shares: how likely each is; what the shares lack to 1 leaves the picture as it is.

    Raises:
        ConfigError: a part that cannot be built.
    """

    def __init__(self, parts: Sequence[Mapping[str, Any]], shares: Sequence[float]) -> None:
        self.parts = [
            build_part(DEGRADATIONS, part, f"OneOf.parts.{position}")
            for position, part in enumerate(parts)
        ]
        if len(shares) != len(parts) or not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"shares needs {len(parts)} numbers between 0 and 1, not {shares}")
        if sum(shares) > 1 + 1e-9:
            raise ValueError(f"shares come to {sum(shares):g}, which is more than 1")
        self._ends = np.cumsum(shares)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32 in [0, 1], as the part that was drawn leaves it."""
        chosen = int(np.searchsorted(self._ends, rng.random(), side="right"))
        return self.parts[chosen](image, rng) if chosen < len(self.parts) else image
