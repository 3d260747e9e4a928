"""Dividing the pairs of one data set among training, validation and test, scene by scene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from utils.errors import DataError
from utils.registry import did_you_mean

SPLITS = ("train", "val", "test")

Shares = float | Mapping[str, float]


@dataclass(frozen=True)
class Division:
    """Which samples of a data set each split got.

    Attributes:
        place: the folder or file that lists the samples.
        seed: of the draw.
        shares: the part of the samples that each split was to get.
        names: the names of the samples that it got, in the data set's order.
    """

    place: str
    seed: int
    shares: dict[str, float]
    names: dict[str, list[str]]


def read_shares(shares: Shares, split: str) -> dict[str, float]:
    """The share of each split, from an argument `shares`.

    Args:
        shares: training's alone, where validation gets the rest; or a map of train, val and test,
            which together get everything: `{train: 0.6, val: 0.15, test: 0.25}`.
        split: the split that is going to be read, which must have a share.

    Raises:
        ValueError: they cannot be meant.
    """
    told = dict(shares) if isinstance(shares, Mapping) else shares
    try:
        if isinstance(told, dict):
            read = {name: float(share) for name, share in told.items()}
        else:
            read = {"train": float(told), "val": 1 - float(told)}
    except (TypeError, ValueError):
        raise ValueError(
            f"shares is {told!r}; give training's as a number, or a map: {{train: 0.7, val: 0.3}}"
        ) from None
    for name in read:
        if name not in SPLITS:
            raise ValueError(f"shares names {name!r}; {did_you_mean(name, SPLITS)}")
    if not all(0 < share < 1 for share in read.values()) or abs(sum(read.values()) - 1) > 1e-6:
        raise ValueError(f"shares is {told}; they must be above 0, below 1, and 1 together")
    if split not in read:
        raise ValueError(f"shares gives nothing to {split}: {told}")
    return read


def divide(scenes: Sequence[int], shares: Mapping[str, float], seed: int) -> list[str]:
    """The split of each sample; samples of one scene go together.

    Scenes are drawn in turn, and each goes where most samples are still owed: every split gets
    its share to within about a scene.

    Args:
        scenes: the scene of each sample.
        shares: of each split, 1 together.
        seed: of the draw, which depends on nothing else; 0 or more.

    Raises:
        ValueError: a seed below 0.
        DataError: there are too few scenes for every split to get one.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be 0 or more")
    numbers, sizes = np.unique(np.asarray(scenes, dtype=np.int64), return_counts=True)
    owed = {name: share * len(scenes) for name, share in shares.items()}
    split_of: dict[int, str] = {}
    for drawn in np.random.default_rng(seed).permutation(len(numbers)):
        split = max(owed, key=lambda name: owed[name])
        split_of[int(numbers[drawn])] = split
        owed[split] -= int(sizes[drawn])
    if left_out := [name for name in shares if name not in split_of.values()]:
        raise DataError(
            f"{len(numbers)} scenes of {len(scenes)} samples are too few for "
            f"{' and '.join(left_out)} to get one with shares {dict(shares)}"
        )
    return [split_of[scene] for scene in scenes]
