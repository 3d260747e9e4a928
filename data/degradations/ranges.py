"""Strengths that are fixed, or drawn for each picture."""

from collections.abc import Sequence

import numpy as np


class Range:
    """A number, or [low, high] between which one is drawn for each picture.

    Args:
        value: the number or the two ends.
        name: the argument's name, for error messages.
        at_least: the smallest number allowed.
        at_most: the largest.

    Raises:
        ValueError: another count of numbers, ends in the wrong order or out of bounds.
    """

    def __init__(
        self,
        value: float | Sequence[float],
        name: str,
        at_least: float,
        at_most: float = float("inf"),
    ) -> None:
        ends = [value, value] if isinstance(value, (int, float)) else list(value)
        if len(ends) != 2 or not at_least <= ends[0] <= ends[1] <= at_most:
            bounds = f"{at_least} to {at_most}" if np.isfinite(at_most) else f"{at_least} or more"
            raise ValueError(f"{name} is {value}; it must be a number or [low, high], {bounds}")
        self.low, self.high = ends

    def draw(self, rng: np.random.Generator) -> float:
        """A number, all of them equally likely; `rng` stays untouched where there is but one."""
        return self.low if self.low == self.high else float(rng.uniform(self.low, self.high))

    def draw_logarithmic(self, rng: np.random.Generator) -> float:
        """A number whose logarithm is drawn evenly: as often a half as twice the middle."""
        if self.low == self.high:
            return self.low
        return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))

    def draw_whole(self, rng: np.random.Generator) -> int:
        """A whole number, both ends included."""
        return int(rng.integers(int(self.low), int(self.high), endpoint=True))
