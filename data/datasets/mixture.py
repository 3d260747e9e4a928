"""Several data sets as one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.decoded.pictures import DecodedPictures
from data.inventory import Inventory, inventory_of, joined
from data.registries import DATASETS
from utils.registry import build_part


@DATASETS.register
class Mixture:
    """Samples of several data sets.

    Args:
        parts: the data sets, each `{NAME: ..., ARGS: {...}}`.
        weights: None takes every sample of every part once an epoch; else the share of samples
            that each part gives: part and picture are then drawn for each sample.
        channels: handed to the parts.
        split: handed to the parts.

    Raises:
        ConfigError: a part that cannot be built, naming where it stands.
        DataError: a part whose files are missing or do not fit.
    """

    def __init__(
        self,
        parts: Sequence[Mapping[str, Any]],
        weights: Sequence[float] | None = None,
        *,
        channels: int,
        split: str,
    ) -> None:
        if not parts or not all(isinstance(p, Mapping) and p.get("NAME") for p in parts):
            raise ValueError("parts must be a list of {NAME: ..., ARGS: {...}}")
        self.parts = [
            build_part(
                DATASETS,
                part,
                f"DATASETS.{split.upper()}.ARGS.parts.{position}",
                channels=channels,
                split=split,
            )
            for position, part in enumerate(parts)
        ]
        self._ends = np.cumsum([len(part) for part in self.parts])
        self._shares = None if weights is None else _shares(weights, len(parts))

    def __len__(self) -> int:
        """The sum of the parts' lengths."""
        return int(self._ends[-1])

    def inventory(self) -> Inventory:
        """The files of all parts."""
        return joined([inventory_of(part) for part in self.parts])

    def keep_decoded(self, pictures: DecodedPictures) -> None:
        """Let every part that decodes files read through `pictures`."""
        for part in self.parts:
            if hasattr(part, "keep_decoded"):
                part.keep_decoded(pictures)

    def read(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        """Sample `index`, or with weights one drawn by `rng`."""
        if self._shares is None:
            chosen = int(np.searchsorted(self._ends, index, side="right"))
            inner = index - (int(self._ends[chosen - 1]) if chosen else 0)
        else:
            chosen = int(rng.choice(len(self.parts), p=self._shares))
            inner = int(rng.integers(len(self.parts[chosen])))
        return self.parts[chosen].read(inner, rng)


def _shares(weights: Sequence[float], parts: int) -> np.ndarray:
    """Weights as probabilities that sum to one."""
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (parts,) or (shares < 0).any() or not 0 < shares.sum() < np.inf:
        raise ValueError(f"weights needs {parts} numbers of at least 0 that are not all 0")
    return shares / shares.sum()
