"""Dividing scenes: whole, exact, and the draw's alone."""

from collections import Counter

import numpy as np
import pytest

from data.division import divide, read_shares
from utils.errors import DataError

THREE = {"train": 0.6, "val": 0.15, "test": 0.25}


def test_pairs_of_one_each_are_divided_exactly():
    splits = divide(range(739), {"train": 500 / 739, "val": 239 / 739}, seed=0)
    assert Counter(splits) == {"train": 500, "val": 239}
    assert Counter(divide(range(200), THREE, 3)) == {"train": 120, "val": 30, "test": 50}


@pytest.mark.parametrize("seed", range(5))
def test_scenes_stay_whole_and_shares_are_met(seed):
    scenes = np.random.default_rng(9).integers(0, 60, 300).tolist()
    splits = divide(scenes, THREE, seed)
    assert len(set(zip(scenes, splits, strict=True))) == len(set(scenes))
    largest = max(Counter(scenes).values())
    for split, share in THREE.items():
        assert Counter(splits)[split] == pytest.approx(300 * share, abs=largest)


def test_the_draw_depends_on_the_seed_alone():
    scenes = [number // 3 for number in range(90)]
    assert divide(scenes, THREE, 1) == divide(scenes, THREE, 1)
    assert divide(scenes, THREE, 1) != divide(scenes, THREE, 2)
    renamed = [scene + 1000 for scene in scenes]
    assert divide(renamed, THREE, 1) == divide(scenes, THREE, 1)


def test_too_few_scenes():
    with pytest.raises(DataError, match="2 scenes of 9 samples are too few for .* to get one"):
        divide([0] * 5 + [1] * 4, THREE, 0)


def test_a_seed_below_0():
    with pytest.raises(ValueError, match="seed is -1"):
        divide(range(9), THREE, -1)


def test_shares_are_read():
    assert read_shares(0.7, "val") == pytest.approx({"train": 0.7, "val": 0.3})
    assert read_shares(THREE, "test") == THREE


@pytest.mark.parametrize(
    ("shares", "split", "text"),
    [
        (0.7, "test", "gives nothing to test"),
        (1.0, "train", "above 0, below 1"),
        ({"train": 0.5, "val": 0.4}, "train", "1 together"),
        ({"train": 0.5, "vall": 0.5}, "train", "did you mean val"),
        ({"train": None, "val": 0.5}, "train", "give training's as a number"),
        ([0.5, 0.5], "train", "give training's as a number"),
    ],
)
def test_shares_that_cannot_be_meant(shares, split, text):
    with pytest.raises(ValueError, match=text):
        read_shares(shares, split)
