"""Decoded pictures, wherever they are kept: equal to decoding, shared, and never out of date."""

import os
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from data.decoded.disk import DiskStore
from data.decoded.memory import MemoryStore
from data.decoded.pictures import DecodedPictures
from data.decoded.store import Store
from tests import forks
from utils.errors import ImageError
from utils.images import read_image, write_image

ROOM = 10**6


@pytest.fixture(params=["disk", "ram"])
def make_store(request, tmp_path) -> Callable[[int], Store]:
    if request.param == "ram":
        return MemoryStore
    return lambda limit: DiskStore(tmp_path / "decoded", limit)


@pytest.fixture
def pictures(make_store) -> DecodedPictures:
    return DecodedPictures(make_store(ROOM))


@pytest.fixture
def picture(tmp_path, rng) -> Path:
    write_image(tmp_path / "a.png", rng.integers(0, 256, (20, 30, 3), np.uint8))
    return tmp_path / "a.png"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_is_what_decoding_gives(tmp_path, pictures, rng, channels, dtype, decodings):
    path = tmp_path / "a.png"
    write_image(path, rng.integers(0, np.iinfo(dtype).max, (20, 30, 3), dtype))
    expected = read_image(path, channels)
    for _ in ("decoded", "kept"):
        image = pictures.read(path, channels)
        assert image.dtype == dtype and np.array_equal(image, expected)
        with pytest.raises(ValueError, match="read-only"):
            image[0] = 0
        assert decodings.value == 1


def test_gray_and_colour_are_two_pictures(pictures, picture):
    assert pictures.read(picture, 1).shape[2] == 1 and pictures.read(picture, 3).shape[2] == 3
    assert pictures.read(picture, 1).shape[2] == 1 and pictures.read(picture, 3).shape[2] == 3


def overwrite(picture: Path, image: np.ndarray) -> None:
    other = picture.with_suffix(".other.bmp")
    write_image(other, image)
    picture.write_bytes(other.read_bytes())


def replace(picture: Path, image: np.ndarray) -> None:
    """As programs that unpack or copy files do, which keep their times."""
    state = picture.stat()
    other = picture.with_suffix(".other.bmp")
    write_image(other, image)
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(picture)
    assert picture.stat().st_mtime_ns == state.st_mtime_ns


@pytest.mark.parametrize("change", [overwrite, replace])
@pytest.mark.parametrize("rows", [20, 7])
def test_a_changed_picture_is_decoded_again(pictures, tmp_path, rng, change, rows):
    picture = tmp_path / "a.bmp"  # whose length follows from the size of the picture
    write_image(picture, rng.integers(0, 256, (20, 30, 3), np.uint8))
    before = pictures.read(picture, 3)
    time.sleep(0.02)  # file systems count time in steps of some milliseconds
    change(picture, 255 - before[:rows])
    for _ in ("decoded", "kept"):
        assert np.array_equal(pictures.read(picture, 3), read_image(picture, 3))


def test_a_missing_picture_is_named(pictures, tmp_path):
    with pytest.raises(ImageError, match="b.png: cannot be read"):
        pictures.read(tmp_path / "b.png", 3)


def test_what_one_process_has_decoded_all_others_have(pictures, picture, decodings):
    expected = read_image(picture, 3)
    worker = get_context("fork").Process(target=pictures.read, args=(picture, 3))
    worker.start()
    worker.join()
    assert np.array_equal(pictures.read(picture, 3), expected)
    assert decodings.value == 1


def read_all(pictures: DecodedPictures, files: list[Path], right: list[int]) -> None:
    for _ in range(3):
        for file, total in zip(files, right, strict=True):
            assert int(pictures.read(file, 3).sum()) == total


def many(folder: Path, rng: np.random.Generator, count: int = 12) -> list[Path]:
    for number in range(count):
        image = rng.integers(0, 256, (100 + number, 120, 3), np.uint8)
        write_image(folder / f"{number}.png", image)
    return sorted(folder.glob("*.png"))


@pytest.mark.parametrize("way", ["fork", "forkserver"])  # the latter hands everything over pickled
def test_processes_may_race_for_the_same_pictures(tmp_path, make_store, rng, way, decodings):
    forks.serve()
    files = many(tmp_path, rng)
    right = [int(read_image(file, 3).sum()) for file in files]
    pictures = DecodedPictures(make_store(10 * ROOM))
    context = get_context(way)
    workers = [context.Process(target=read_all, args=(pictures, files, right)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 3
    assert pictures.refusal() is None
    decoded = decodings.value
    read_all(pictures, files, right)
    assert decodings.value == decoded


def test_what_does_not_fit_is_decoded_and_the_reason_is_told_once(
    make_store, tmp_path, rng, decodings
):
    files = many(tmp_path, rng)
    one = read_image(files[0], 3).nbytes
    pictures = DecodedPictures(make_store(int(5.5 * one)))
    expected = [read_image(file, 3) for file in files]
    for _ in range(2):
        for file, image in zip(files, expected, strict=True):
            assert np.array_equal(pictures.read(file, 3), image)
    told = pictures.refusal()
    assert told is not None and "DATASETS.CACHE_GB" in told and "\n" not in told
    assert pictures.refusal() is None
    decoded = decodings.value
    for file in files:
        pictures.read(file, 3)
    assert 4 <= len(files) - (decodings.value - decoded) <= 5
