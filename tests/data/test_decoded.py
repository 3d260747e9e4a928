"""Decoded pictures: equal to decoding, shared, and never out of date."""

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from data.decoded import DecodedPictures
from utils.errors import ImageError, PellucidError
from utils.images import read_image, write_image


@pytest.fixture
def picture(tmp_path, rng) -> Path:
    write_image(tmp_path / "a.png", rng.integers(0, 256, (20, 30, 3), np.uint8))
    return tmp_path / "a.png"


def copies(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_is_what_decoding_gives_and_cannot_be_spoilt(tmp_path, rng, channels, dtype):
    path = tmp_path / "a.png"
    write_image(path, rng.integers(0, np.iinfo(dtype).max, (20, 30, 3), dtype))
    pictures = DecodedPictures(tmp_path / "decoded")
    for _ in ("decoded", "mapped"):
        image = pictures.read(path, channels)
        assert image.dtype == dtype and np.array_equal(image, read_image(path, channels))
        with pytest.raises(ValueError, match="read-only"):
            image[0] = 0


def test_gray_and_colour_are_two_copies(tmp_path, picture):
    pictures = DecodedPictures(tmp_path / "decoded")
    assert pictures.read(picture, 1).shape[2] == 1 and pictures.read(picture, 3).shape[2] == 3
    assert len(copies(tmp_path / "decoded")) == 2


@pytest.mark.parametrize("what", ["time", "size"])
def test_a_changed_picture_is_decoded_again_and_its_old_copy_goes(tmp_path, picture, what):
    pictures = DecodedPictures(tmp_path / "decoded")
    before = pictures.read(picture, 3)
    write_image(picture, 255 - before[: 20 if what == "time" else 7])
    if what == "time":
        os.utime(picture, ns=(1, 1))
    assert np.array_equal(pictures.read(picture, 3), read_image(picture, 3))
    assert len(copies(tmp_path / "decoded")) == 1


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"something else"])
def test_a_damaged_copy_is_replaced(tmp_path, picture, damage):
    before = DecodedPictures(tmp_path / "decoded").read(picture, 3).copy()
    (copy,) = copies(tmp_path / "decoded")
    copy.write_bytes(damage or copy.read_bytes()[:-1])
    again = DecodedPictures(tmp_path / "decoded").read(picture, 3)
    assert np.array_equal(again, before)
    assert np.array_equal(np.load(copy), before)


def read_sum(work: tuple[Path, Path]) -> int:
    folder, picture = work
    return int(DecodedPictures(folder).read(picture, 3).astype(int).sum())


def test_processes_may_race_for_one_picture(tmp_path, picture):
    expected = int(read_image(picture, 3).astype(int).sum())
    with ProcessPoolExecutor(4) as pool:
        sums = list(pool.map(read_sum, [(tmp_path / "decoded", picture)] * 16))
    assert sums == [expected] * 16
    assert len(copies(tmp_path / "decoded")) == 1


def test_a_missing_picture_and_a_full_disk_are_named(tmp_path, picture):
    with pytest.raises(ImageError, match="b.png: cannot be read"):
        DecodedPictures(tmp_path / "decoded").read(tmp_path / "b.png", 3)
    (tmp_path / "file").touch()
    with pytest.raises(PellucidError, match="cannot be written"):
        DecodedPictures(tmp_path / "file").read(picture, 3)
