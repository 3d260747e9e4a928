import cv2
import numpy as np
import pytest

from data.datasets.clean import CleanFolder
from data.datasets.files import MissingDataError
from utils.errors import DataError


@pytest.fixture
def folders(tmp_path, rng):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            picture = rng.integers(0, 256, (20, 30, 3), np.uint8)
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), picture)
    return tmp_path


def test_whole_pictures_are_targets(folders, rng):
    data = CleanFolder(str(folders / "one"), channels=3, split="train")
    sample = data.read(1, rng)
    assert len(data) == 2
    assert set(sample) == {"target", "name"} and sample["name"] == "b"
    assert np.array_equal(sample["target"], cv2.imread(str(folders / "one/b.png"))[..., ::-1])


def test_several_folders_keep_their_names_apart(folders):
    data = CleanFolder([str(folders / "one"), str(folders / "two")], channels=1, split="train")
    assert data.names == ["one_a", "one_b", "two_a", "two_b"]


def test_include_takes_matching_names_only(folders):
    data = CleanFolder(str(folders / "one"), include="[!a]*", channels=3, split="train")
    assert data.names == ["b"]
    with pytest.raises(DataError, match="val: no picture in .*one matches 'z\\*'"):
        CleanFolder(str(folders / "one"), include="z*", channels=3, split="val")


@pytest.mark.parametrize(("size", "method"), [(7, cv2.INTER_AREA), (64, cv2.INTER_CUBIC)])
@pytest.mark.parametrize("channels", [1, 3])
def test_size_takes_the_middle_square(folders, rng, size, method, channels):
    whole = CleanFolder(str(folders / "one"), channels=channels, split="val").read(0, rng)
    sized = CleanFolder(str(folders / "one"), size=size, channels=channels, split="val")
    expected = cv2.resize(whole["target"][:, 5:25], (size, size), interpolation=method)
    found = sized.read(0, rng)["target"]
    assert found.shape == (size, size, channels) and found.dtype == np.uint8
    assert np.array_equal(found.squeeze(), expected)


def test_missing_folder(folders):
    with pytest.raises(MissingDataError, match="val: there is no folder"):
        CleanFolder(str(folders / "three"), channels=3, split="val")


def test_small_pictures_can_be_left_out_but_broken_ones_stay(tmp_path):
    for name, size in (("small", (40, 9)), ("large", (10, 12))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((*size, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"")
    found = CleanFolder(str(tmp_path), min_size=10, channels=3, split="train")
    assert found.names == ["broken", "large"]
    (tmp_path / "broken.png").unlink()
    with pytest.raises(DataError, match="and has 13 pixels a side"):
        CleanFolder(str(tmp_path), min_size=13, channels=3, split="train")
