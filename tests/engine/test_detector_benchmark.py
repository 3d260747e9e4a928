"""The comparison of detectors: every picture under every condition, the same in every run."""

import numpy as np
import pytest

from data import REPRESENTATIONS
from engine.detector import Detector
from engine.detector_benchmark import FACTORS, compare, conditions, counts, time_detector
from tests.engine.test_correction import EqualNeighbours


@pytest.fixture(scope="module")
def detectors():
    sizes = {"whole": 224, "part": 64}
    return {
        name: Detector(EqualNeighbours(), REPRESENTATIONS.build("Differences", size=size), "cpu")
        for name, size in sizes.items()
    }


@pytest.fixture(scope="module")
def tallies(detectors):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (80, 70, 3), dtype=np.uint8) for _ in range(3)]
    return compare(detectors, pictures, conditions())


def test_noise_has_no_equal_neighbours_until_it_is_pixelated(tallies):
    assert tallies["as it is"].rate("whole") == 0
    for factor in FACTORS:
        assert tallies[f"pixelated x{factor:g}"].rate("whole") == 1, factor
    assert {tally.pictures for tally in tallies.values()} == {3}


def test_figures_are_of_one_clean_and_one_pixelated_condition(tallies):
    found = counts(tallies, "as it is", "pixelated x2", "part")
    assert (found.tp, found.fp, found.tn, found.fn) == (3, 0, 3, 0)


def test_every_condition_has_a_name_of_its_own_and_beyond_training_is_asked():
    names = [condition.name for condition in conditions()]
    assert len(set(names)) == len(names)
    assert {"pixelated x6", "pixelated x8", "pixelated x1.5 to x4"} <= set(names)


def test_speed_is_pictures_a_second(detectors):
    speed = time_detector(detectors["part"], 100, 100, batch=4, repeats=3)
    assert speed.single > 1 and speed.batch > 1
