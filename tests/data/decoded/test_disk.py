"""Decoded pictures on disk: killed writers, full disks, damaged files, one folder for all."""

import os
import resource
import shutil
import signal
import subprocess
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from data.decoded import ledger
from data.decoded.disk import DiskStore
from data.decoded.pictures import DecodedPictures
from utils.images import read_image, write_image

ROOM = 10**8
FORK = get_context("fork")


@pytest.fixture
def files(tmp_path, rng) -> list[Path]:
    for number in range(8):
        image = rng.integers(0, 256, (200, 300 + number, 3), np.uint8)
        write_image(tmp_path / f"{number}.png", image)
    return sorted(tmp_path.glob("*.png"))


def copies(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.npy") if not path.name.startswith(".")]


def unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob(".*.tmp.npy"))


def held(folder: Path) -> int:
    return int((folder / ".bytes").read_text())


def size_of(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def fill(folder: Path, files: list[Path], times: int = 1) -> None:
    for _ in range(times):
        pictures = DecodedPictures(DiskStore(folder, ROOM))
        for file in files:
            pictures.read(file, 3)
            for copy in copies(folder)[:2]:  # so that there is always something to write
                if times > 1:
                    copy.unlink(missing_ok=True)


@pytest.mark.parametrize("rounds", [15, pytest.param(400, marks=pytest.mark.endurance)])
def test_killed_writers_leave_nothing_torn_and_nothing_locked(tmp_path, files, rng, rounds):
    folder = tmp_path / "decoded"
    expected = {file: read_image(file, 3) for file in files}
    for _ in range(rounds):
        writers = [FORK.Process(target=fill, args=(folder, files, 1000)) for _ in range(2)]
        for writer in writers:
            writer.start()
        time.sleep(float(rng.uniform(0.01, 0.08)))
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
        for writer in writers:
            writer.join()
            assert writer.exitcode == -signal.SIGKILL
        for copy in copies(folder):
            image = np.load(copy)
            assert any(np.array_equal(image, right) for right in expected.values())
    fill(folder, files)
    for copy in unfinished(folder):  # as if an hour had gone by
        os.utime(copy, (0, 0))
    pictures = DecodedPictures(DiskStore(folder, ROOM))
    copies(folder)[0].unlink()
    for file, image in expected.items():
        assert np.array_equal(pictures.read(file, 3), image)
    assert pictures.refusal() is None
    assert len(copies(folder)) == len(files) and not unfinished(folder)
    assert held(folder) == size_of(copies(folder))


def test_a_changed_pictures_old_copy_goes(tmp_path, files):
    folder = tmp_path / "decoded"
    fill(folder, files)
    write_image(files[0], read_image(files[0], 3)[:50])
    fill(folder, files)
    assert len(copies(folder)) == len(files)
    assert held(folder) == size_of(copies(folder))


@pytest.mark.parametrize("damage", ["empty", "short", "no header"])
def test_a_damaged_copy_is_replaced(tmp_path, files, damage):
    folder = tmp_path / "decoded"
    fill(folder, files[:1])
    (copy,) = copies(folder)
    whole = copy.read_bytes()
    copy.write_bytes({"empty": b"", "short": whole[:-1], "no header": b"else"}[damage])
    for _ in range(2):
        image = DecodedPictures(DiskStore(folder, ROOM)).read(files[0], 3)
        assert np.array_equal(image, read_image(files[0], 3))
    assert copy.read_bytes() == whole


def read_with_little_room(folder: Path, files: list[Path], limit: int) -> None:
    pictures = DecodedPictures(DiskStore(folder, ROOM))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for file in files * 2:
        assert np.array_equal(pictures.read(file, 3), read_image(file, 3))
    told = pictures.refusal()
    assert told is not None and "cannot be written" in told
    assert pictures.refusal() is None


@pytest.mark.parametrize("limit", [10, 1000, 200 * 300 * 3])
def test_a_disk_that_takes_no_more_stops_nothing(tmp_path, files, limit):
    folder = tmp_path / "decoded"
    reader = FORK.Process(target=read_with_little_room, args=(folder, files, limit))
    reader.start()
    reader.join()
    assert reader.exitcode == 0
    assert not copies(folder) and not unfinished(folder)


def test_a_disk_that_is_really_full_stops_nothing(tmp_path, files, monkeypatch):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs to be allowed to mount a small file system")
    try:
        monkeypatch.setattr(ledger, "_SPARE", -(10**18))
        pictures = DecodedPictures(DiskStore(small / "decoded", ROOM))
        for file in files * 2:
            assert np.array_equal(pictures.read(file, 3), read_image(file, 3))
        assert "No space left" in str(pictures.refusal())
        assert 1 <= len(copies(small)) < len(files) and not unfinished(small)
        for copy in copies(small):
            assert any(np.array_equal(np.load(copy), read_image(file, 3)) for file in files)
        del pictures
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_the_last_of_a_disk_is_left_to_the_run(tmp_path, files, monkeypatch):
    monkeypatch.setattr(ledger, "_SPARE", 10**18)
    pictures = DecodedPictures(DiskStore(tmp_path / "decoded", ROOM))
    pictures.read(files[0], 3)
    assert "its disk has" in str(pictures.refusal())
    assert not copies(tmp_path) and not unfinished(tmp_path)


def test_links_into_nothing_and_folders_that_go_keep_nobody_waiting(tmp_path, files, monkeypatch):
    folder = tmp_path / "decoded"
    (folder / "00").mkdir(parents=True)
    (folder / "00" / "link").symlink_to("nowhere")
    counted = ledger._size
    gone = tmp_path / "gone"  # as if it had been there a moment ago
    monkeypatch.setattr(ledger, "_size", lambda each: counted(each) + counted(gone))
    fill(folder, files)
    assert len(copies(folder)) == len(files)


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path, files):
    (tmp_path / "file").touch()
    pictures = DecodedPictures(DiskStore(tmp_path / "file", ROOM))
    assert np.array_equal(pictures.read(files[0], 3), read_image(files[0], 3))
    assert "cannot be written" in str(pictures.refusal())


def test_the_bound_is_that_of_all_processes_together(tmp_path, files):
    folder = tmp_path / "decoded"
    limit = 5 * (200 * 310 * 3)

    def read() -> None:
        pictures = DecodedPictures(DiskStore(folder, limit))
        for file in files:
            pictures.read(file, 3)

    readers = [FORK.Process(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
        assert reader.exitcode == 0
    assert 3 <= len(copies(folder)) <= 5 and size_of(copies(folder)) <= limit


def test_more_pictures_than_files_may_be_open(tmp_path, rng):
    for number in range(60):
        write_image(tmp_path / f"{number}.png", rng.integers(0, 256, (4, 5, 3), np.uint8))
    files = sorted(tmp_path.glob("*.png"))

    def read() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (72, 72))
        pictures = DecodedPictures(DiskStore(tmp_path / "decoded", ROOM))
        for file in files * 2:
            assert np.array_equal(pictures.read(file, 3), read_image(file, 3))
        assert pictures.refusal() is None

    reader = FORK.Process(target=read)
    reader.start()
    reader.join()
    assert reader.exitcode == 0
    assert len(copies(tmp_path)) == len(files)
