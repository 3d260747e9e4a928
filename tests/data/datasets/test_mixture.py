import cv2
import numpy as np
import pytest

from data.datasets.files import MissingDataError
from data.datasets.mixture import Mixture
from utils.errors import ConfigError


@pytest.fixture
def parts(tmp_path):
    specs = []
    for folder, count in (("one", 3), ("two", 5)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            file = tmp_path / folder / f"{folder}{number}.png"
            cv2.imwrite(str(file), np.zeros((4, 4, 3), np.uint8))
        specs.append({"NAME": "CleanFolder", "ARGS": {"folder": str(tmp_path / folder)}})
    return specs


def names(mixture, draws):
    return [mixture.read(i % len(mixture), np.random.default_rng(i))["name"] for i in range(draws)]


def test_without_weights_every_sample_once(parts):
    mixture = Mixture(parts, channels=3, split="train")
    expected = [f"one{n}" for n in range(3)] + [f"two{n}" for n in range(5)]
    assert names(mixture, 8) == expected


def test_weights_are_shares_of_the_samples(parts):
    mixture = Mixture(parts, [3, 1], channels=3, split="train")
    drawn = names(mixture, 2000)
    assert len(mixture) == 8 and set(drawn) == set(names(Mixture(parts, channels=3, split="t"), 8))
    assert abs(sum(name.startswith("one") for name in drawn) / 2000 - 0.75) < 0.04
    assert drawn == names(mixture, 2000)


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [float("inf"), 1]])
def test_weights_that_are_no_shares(parts, weights):
    with pytest.raises(ValueError, match="weights"):
        Mixture(parts, weights, channels=3, split="train")


def test_errors_say_which_part(parts, tmp_path):
    with pytest.raises(ConfigError, match=r"DATASETS.VAL.ARGS.parts.1.NAME: .*CleanFolder"):
        Mixture([parts[0], {"NAME": "CleanFoldr", "ARGS": {}}], channels=3, split="val")
    gone = {"NAME": "CleanFolder", "ARGS": {"folder": str(tmp_path / "gone")}}
    with pytest.raises(MissingDataError, match="val: there is no folder .*gone"):
        Mixture([parts[0], gone], channels=3, split="val")
    with pytest.raises(ValueError, match="parts"):
        Mixture([{"ARGS": {}}], channels=3, split="val")
