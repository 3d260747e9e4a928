from pathlib import Path

import cv2
import numpy as np
import pytest

from data.datasets.files import MissingDataError
from data.datasets.stitched import StitchedPanels
from utils.errors import DataError


def write_panels(path: Path, values: list[int], width: int = 8, alpha: bool = False) -> None:
    picture = np.concatenate([np.full((6, width, 3), v, np.uint8) for v in values], axis=1)
    if alpha:
        picture = np.dstack([picture, np.full(picture.shape[:2], 128, np.uint8)])
    assert cv2.imwrite(str(path), picture)


def test_panels_are_cut_left_to_right_and_alpha_is_dropped(tmp_path, rng):
    write_panels(tmp_path / "a.png", [10, 200, 255], alpha=True)
    sample = StitchedPanels(str(tmp_path), channels=3, split="train").read(0, rng)
    assert sample["name"] == "a"
    assert set(sample) == {"name", "input", "target"}
    assert sample["target"].shape == sample["input"].shape == (6, 8, 3)
    assert (sample["target"] == 10).all() and (sample["input"] == 200).all()


def test_other_orders_and_gray(tmp_path, rng):
    write_panels(tmp_path / "a.png", [10, 200])
    data = StitchedPanels(str(tmp_path), ["input", "target"], channels=1, split="train")
    sample = data.read(0, rng)
    assert sample["target"].shape == (6, 8, 1)
    assert (sample["target"] == 200).all() and (sample["input"] == 10).all()


def test_a_real_sd1_sized_picture(tmp_path, rng):
    picture = rng.integers(0, 256, (512, 1536, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    sample = StitchedPanels(str(tmp_path), channels=3, split="val").read(0, rng)
    assert np.array_equal(sample["target"], picture[:, :512, ::-1])
    assert np.array_equal(sample["input"], picture[:, 512:1024, ::-1])


@pytest.mark.parametrize("panels", [["input", "mask"], ["target", "input", "input"]])
def test_panels_need_one_target(tmp_path, panels):
    with pytest.raises(ValueError, match="target"):
        StitchedPanels(str(tmp_path), panels, channels=3, split="train")


def test_missing_and_empty_folder(tmp_path):
    with pytest.raises(MissingDataError, match=r"train: there is no folder .*nowhere"):
        StitchedPanels(str(tmp_path / "nowhere"), channels=3, split="train")
    with pytest.raises(MissingDataError, match="val: .* holds no picture"):
        StitchedPanels(str(tmp_path), channels=3, split="val")


def test_a_wrong_width_is_told_when_it_is_read(tmp_path, rng):
    write_panels(tmp_path / "wide.png", [1, 2])
    data = StitchedPanels(str(tmp_path), channels=3, split="train")
    with pytest.raises(DataError, match=r"wide.png: is 16 pixels wide, not 3 equal panels"):
        data.read(0, rng)
