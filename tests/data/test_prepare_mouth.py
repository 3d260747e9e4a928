"""Pairs of mouths: split by photograph, blurred by the seed alone."""

import json

import numpy as np
import pytest

from data import DEGRADATIONS
from data.prepare_mouth import prepare_mouths
from utils.errors import DataError
from utils.images import list_images, read_image, write_image

BLUR = [DEGRADATIONS.build("Blur", sigma=[1, 3]), DEGRADATIONS.build("JPEG", quality=[50, 90])]


@pytest.fixture
def faces(tmp_path, rng):
    """Twenty "photographs": as many mouths as the last digit of their number, modulo three."""
    folder = tmp_path / "faces"
    for number in range(20):
        picture = np.full((60, 60, 3), number % 3, np.uint8)
        picture[10:, :, 1:] = rng.integers(0, 256, (50, 60, 2), np.uint8)
        write_image(folder / f"{number}.png", picture)
    write_image(folder / "deeper" / "2.png", np.full((60, 60, 3), 2, np.uint16))
    return folder


def find(picture):
    """Squares of 32 pixels, as many as the first pixel says."""
    return [picture[10 * n : 10 * n + 32, :32] for n in range(picture[0, 0, 0])]


def content(folder):
    return {
        str(file.relative_to(folder)): read_image(file) for file in sorted(folder.rglob("*.png"))
    }


def test_all_mouths_of_a_photograph_are_in_one_split(faces, tmp_path):
    report = prepare_mouths(faces, tmp_path / "out", find, BLUR, seed=1)
    assert {split: len(files) for split, files in report.photographs.items()} == {
        "train": 9,
        "val": 1,
        "test": 3,
    }
    together = sorted(sum(report.photographs.values(), []))
    assert together == sorted({f"{n}.png" for n in range(20) if n % 3})
    assert sorted(report.empty) == sorted(
        [f"{n}.png" for n in range(0, 20, 3)] + ["deeper/2.png"]  # 2 of 65535 is 0 of 255
    )
    for split, copies in (("train", 1), ("val", 4), ("test", 4)):
        owners = {}
        for half in ("input", "target"):
            names = [file.stem for file in list_images(tmp_path / "out" / split / half)]
            assert len(names) == copies * report.mouths[split]
            owners[half] = {name.partition("_")[0] + ".png" for name in names}
        assert owners["input"] == owners["target"] == set(report.photographs[split])
    facts = json.loads((tmp_path / "out" / "split.json").read_text())
    assert facts["seed"] == 1 and facts["test"] == report.photographs["test"]


def test_photographs_of_one_folder_are_in_one_split(faces, tmp_path):
    people = tmp_path / "people"
    for number in range(20):
        place = people / f"person{number % 7}" / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        (faces / f"{number}.png").rename(place)
    report = prepare_mouths(people, tmp_path / "out", find, BLUR, seed=2)
    owners = [{file.split("/")[0] for file in files} for files in report.photographs.values()]
    assert all(owners) and sum(map(len, owners)) == len(set.union(*owners)) == 7
    assert sum(map(len, report.photographs.values())) == 13
    assert len(report.photographs["train"]) > len(report.photographs["test"])
    alone = tmp_path / "alone"
    alone.mkdir()
    (people / "person1").rename(alone / "person1")
    with pytest.raises(DataError, match="in 1 groups, are too few"):
        prepare_mouths(alone, tmp_path / "one", find, BLUR)


def test_targets_are_the_mouths_and_inputs_are_blurred_each_in_its_own_way(faces, tmp_path):
    prepare_mouths(faces, tmp_path / "out", find, BLUR)
    for file in list_images(tmp_path / "out" / "test" / "target"):
        number, mouth = file.stem.split("_")[0], int(file.stem.split("_")[2])
        target = read_image(file)
        assert np.array_equal(target, find(read_image(faces / f"{number}.png"))[mouth])
        blurred = [
            read_image(tmp_path / "out" / "test" / "input" / f"{file.stem[:-1]}{copy}.png")
            for copy in range(4)
        ]
        assert all(one.std() < target.std() for one in blurred)
        assert len({one.tobytes() for one in blurred}) == 4


def test_the_seed_decides_alone(faces, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        prepare_mouths(faces, tmp_path / name, find, BLUR, seed)
    one, again, other = (content(tmp_path / name) for name in "abc")
    assert one.keys() == again.keys() and all(np.array_equal(one[n], again[n]) for n in one)
    assert one.keys() != other.keys()


def test_unreadable_files_are_named_and_too_few_refused(faces, tmp_path):
    (faces / "torn.png").write_bytes((faces / "1.png").read_bytes()[:200])
    report = prepare_mouths(faces, tmp_path / "out", find, BLUR)
    assert len(report.unreadable) == 1 and "torn.png" in report.unreadable[0]
    with pytest.raises(DataError, match="--force"):
        prepare_mouths(faces, tmp_path / "out", find, BLUR)
    with pytest.raises(DataError, match="0 photographs with a mouth"):
        prepare_mouths(faces, tmp_path / "none", lambda picture: [], BLUR)
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_written_is_said_before_photographs_are_searched(faces, tmp_path):
    def search(picture):
        raise AssertionError("searched")

    prepare_mouths(faces, tmp_path / "out", find, BLUR)
    with pytest.raises(DataError, match="--force"):
        prepare_mouths(faces, tmp_path / "out", search, BLUR)
    with pytest.raises(DataError, match="is inside"):
        prepare_mouths(tmp_path / "out" / "train", tmp_path / "out", search, BLUR, force=True)
    assert list_images(tmp_path / "out" / "train" / "target")
