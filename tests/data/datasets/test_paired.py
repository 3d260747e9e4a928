from pathlib import Path

import cv2
import numpy as np
import pytest

from data.datasets.files import MissingDataError
from data.datasets.paired import PairedFolders


def write(path: Path, height: int, width: int, value: int = 0) -> None:
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), value, np.uint8))


def build(folder: Path, **arguments: str) -> PairedFolders:
    return PairedFolders(
        str(folder / "low"), str(folder / "high"), **arguments, channels=3, split="val"
    )


def test_pairs_by_name_across_extensions(tmp_path, rng):
    for name, value in (("b", 20), ("a", 10)):
        write(tmp_path / f"low/{name}.bmp", 6, 8, value)
        write(tmp_path / f"high/{name}.png", 6, 8, value + 100)
    data = build(tmp_path)
    samples = [data.read(index, rng) for index in range(len(data))]
    assert [sample["name"] for sample in samples] == ["a", "b"]
    assert [int(sample["input"][0, 0, 0]) for sample in samples] == [10, 20]
    assert [int(sample["target"][0, 0, 0]) for sample in samples] == [110, 120]


def test_template_names_the_input_from_the_target(tmp_path, rng):
    write(tmp_path / "low/a_x4.png", 3, 4, 1)
    write(tmp_path / "high/a.png", 12, 16, 2)
    sample = build(tmp_path, template="{}_x4").read(0, rng)
    assert sample["name"] == "a"
    assert sample["input"].shape == (3, 4, 3) and sample["target"].shape == (12, 16, 3)


@pytest.mark.parametrize("template", ["x4", "{}{}"])
def test_template_without_exactly_one_place(tmp_path, template):
    with pytest.raises(ValueError, match="template"):
        build(tmp_path, template=template)


def test_missing_and_extra_halves(tmp_path):
    write(tmp_path / "low/a.png", 4, 4)
    write(tmp_path / "low/extra.png", 4, 4)
    write(tmp_path / "high/a.png", 4, 4)
    write(tmp_path / "high/lonely.png", 4, 4)
    inventory = build(tmp_path).inventory()
    assert [sample.target.name for sample in inventory.samples] == ["a.png"]
    told = [(problem.file.name, problem.what) for problem in inventory.problems]
    assert told == [
        ("lonely.png", f"has no input lonely.* in {tmp_path / 'low'}"),
        ("extra.png", f"is an input without a target in {tmp_path / 'high'}"),
    ]


def test_missing_folder(tmp_path):
    write(tmp_path / "low/a.png", 4, 4)
    with pytest.raises(MissingDataError, match="val: there is no folder .*high"):
        build(tmp_path)


def test_two_pictures_of_one_name(tmp_path):
    write(tmp_path / "low/a.png", 4, 4)
    write(tmp_path / "low/a.jpg", 4, 4)
    write(tmp_path / "high/a.png", 4, 4)
    (problem,) = build(tmp_path).inventory().problems
    assert problem == (tmp_path / "low/a.png", "shares its name with a.jpg; keep one")


def test_real_pairs_fit(shared_dir, rng):
    folder = shared_dir / "data/lowlight/lol_v2_real"
    data = PairedFolders(str(folder / "low"), str(folder / "high"), channels=3, split="val")
    sample = data.read(0, rng)
    assert sample["input"].shape == sample["target"].shape
    assert sample["input"].mean() < sample["target"].mean()
