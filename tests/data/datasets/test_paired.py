from pathlib import Path

import cv2
import numpy as np
import pytest

from data.datasets.files import MissingDataError
from data.datasets.paired import PairedFolders
from utils.errors import DataError


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
    with pytest.raises(DataError) as caught:
        build(tmp_path)
    message = str(caught.value)
    assert message.startswith("val: 2 problem(s)")
    assert "target lonely.png has no input lonely.*" in message
    assert "input extra.png has no target" in message


def test_missing_folder(tmp_path):
    write(tmp_path / "low/a.png", 4, 4)
    with pytest.raises(MissingDataError, match="val: there is no folder .*high"):
        build(tmp_path)


def test_two_pictures_of_one_name(tmp_path):
    write(tmp_path / "low/a.png", 4, 4)
    write(tmp_path / "low/a.jpg", 4, 4)
    write(tmp_path / "high/a.png", 4, 4)
    with pytest.raises(DataError, match="val: .*low: a.jpg and a.png share one name"):
        build(tmp_path)


@pytest.mark.parametrize("size", [(9, 8), (8, 12), (2, 2), (3, 4)])
def test_sizes_that_are_no_whole_scale(tmp_path, size):
    write(tmp_path / "low/a.png", 4, 4)
    write(tmp_path / "high/a.png", *size)
    with pytest.raises(DataError, match=r"val: .*a.png \(\d+x\d+\) is no whole multiple"):
        build(tmp_path)


def test_one_scale_for_the_whole_set(tmp_path):
    for name, scale in (("a", 2), ("b", 4), ("c", 2)):
        write(tmp_path / f"low/{name}.png", 4, 5)
        write(tmp_path / f"high/{name}.png", 4 * scale, 5 * scale)
    with pytest.raises(DataError, match="b.png is x4 of its input where others are x2"):
        build(tmp_path)


def test_unreadable_half(tmp_path):
    write(tmp_path / "low/a.png", 4, 4)
    (tmp_path / "high").mkdir()
    (tmp_path / "high/a.png").write_text("no picture")
    with pytest.raises(DataError, match="val: .*a.png"):
        build(tmp_path)


def test_real_pairs_fit(shared_dir, rng):
    folder = shared_dir / "data/lowlight/lol_v2_real"
    data = PairedFolders(str(folder / "low"), str(folder / "high"), channels=3, split="val")
    sample = data.read(0, rng)
    assert sample["input"].shape == sample["target"].shape
    assert sample["input"].mean() < sample["target"].mean()
