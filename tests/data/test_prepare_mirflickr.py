"""MIRFLICKR's pairs: their pixels, their split, and runs that are stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import prepare_mirflickr as module
from data.prepare_mirflickr import make_pair, prepare_mirflickr
from utils.errors import DataError
from utils.images import image_size, read_image, write_image

REPOSITORY = Path(__file__).resolve().parents[2]


def photograph(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def photographs(tmp_path, rng) -> Path:
    folder = tmp_path / "mirflickr"
    for number in range(1, 11):
        write_image(folder / f"im{number}.jpg", photograph(rng, 300, 280 + 10 * number))
    write_image(folder / "deeper" / "im1.png", photograph(rng, 260, 400))
    return folder


def pictures(folder: Path) -> dict[str, np.ndarray]:
    return {str(p.relative_to(folder)): read_image(p) for p in sorted(folder.rglob("*.png"))}


def test_a_pair_is_the_middle_square_shrunk_without_aliasing(rng):
    picture = photograph(rng, 600, 800)
    pair = make_pair(picture)
    square = Image.fromarray(picture).crop((100, 0, 700, 600))
    high = square.resize((256, 256), Image.Resampling.BICUBIC)
    low = high.resize((64, 64), Image.Resampling.BICUBIC)
    for kind, theirs in (("HR", high), ("LR", low)):
        assert pair[kind].shape == (*theirs.size, 3) and pair[kind].dtype == np.uint8
        inside = (slice(2, -2), slice(2, -2))  # Pillow treats edges otherwise
        difference = np.abs(pair[kind][inside].astype(int) - np.asarray(theirs)[inside])
        assert difference.max() <= 2


def test_half_is_to_train_and_no_picture_is_in_two_splits(photographs, tmp_path):
    report = prepare_mirflickr(photographs, tmp_path / "out", seed=3)
    counts = {split: len(names) for split, names in report.names.items()}
    assert counts == {"train": 5, "val": 1, "test": 5}
    everything = [name for names in report.names.values() for name in names]
    assert sorted(everything) == sorted({*(f"im{n}" for n in range(1, 11)), "deeper_im1"})
    for split, names in report.names.items():
        for kind, side in (("HR", 256), ("LR", 64)):
            files = sorted((tmp_path / "out" / split / kind).iterdir())
            assert [file.stem for file in files] == names
            assert {image_size(file) for file in files} == {(side, side)}
    facts = json.loads((tmp_path / "out" / "split.json").read_text())
    assert facts["seed"] == 3 and facts["val"] == report.names["val"]
    assert {path.name for path in tmp_path.iterdir()} == {"mirflickr", "out"}


def test_the_split_is_the_seeds_alone(photographs, tmp_path):
    first = prepare_mirflickr(photographs, tmp_path / "a", seed=1)
    again = prepare_mirflickr(photographs, tmp_path / "b", seed=1)
    other = prepare_mirflickr(photographs, tmp_path / "c", seed=2)
    assert first.names == again.names != other.names


def test_of_a_larger_folder_a_fixed_number_is_drawn(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PICTURES", 8)
    monkeypatch.setattr(module, "TRAIN_PAIRS", 4)
    monkeypatch.setattr(module, "VAL_PAIRS", 1)
    report = prepare_mirflickr(photographs, tmp_path / "out")
    assert {split: len(names) for split, names in report.names.items()} == {
        "train": 4,
        "val": 1,
        "test": 3,
    }


def test_what_cannot_be_used_is_named(photographs, tmp_path, rng):
    (photographs / "broken.jpg").write_bytes((photographs / "im1.jpg").read_bytes()[:500])
    write_image(photographs / "small.png", photograph(rng, 255, 400))
    (photographs / "copy.jpg").write_bytes((photographs / "im2.jpg").read_bytes())
    report = prepare_mirflickr(photographs, tmp_path / "out")
    assert len(report.unreadable) == 1 and "broken.jpg" in report.unreadable[0]
    assert [Path(file).name for file in report.small] == ["small.png"]
    assert len(report.copies) == 1 and Path(report.copies[0]).name in ("copy.jpg", "im2.jpg")
    assert sum(map(len, report.names.values())) == 11
    left_out = json.loads((tmp_path / "out" / "split.json").read_text())["left_out"]
    assert left_out["small"] == report.small


def test_too_few_no_folder_and_an_output_that_exists_are_refused(photographs, tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        prepare_mirflickr(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "out" / "train").mkdir(parents=True)
    with pytest.raises(DataError, match="--force"):
        prepare_mirflickr(photographs, tmp_path / "out")
    prepare_mirflickr(photographs, tmp_path / "out", force=True)
    for number in range(2, 11):
        (photographs / f"im{number}.jpg").unlink()
    with pytest.raises(DataError, match="2 usable pictures are too few"):
        prepare_mirflickr(photographs, tmp_path / "few")


def test_a_killed_run_is_finished_by_the_next(tmp_path, rng):
    folder = tmp_path / "photographs"
    for number in range(24):
        write_image(folder / f"{number:02d}.png", photograph(rng, 900, 900))
    command = [sys.executable, REPOSITORY / "tools" / "prepare_data.py", "mirflickr", folder]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    output, done = tmp_path / "out", tmp_path / ".out-unfinished" / "pairs" / "HR"
    words = [*map(str, command), "--output", str(output)]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    while not (done.is_dir() and len(list(done.glob("[!.]*"))) >= 3):
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output.exists()
    made = {path.name: path.stat().st_ino for path in done.glob("[!.]*")}
    assert len(made) < 24
    finished = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0 and "12 train, 1 val, 11 test pairs" in finished.stdout
    assert "proportions of 12,500 pairs" in finished.stdout
    kept = {path.stat().st_ino for path in output.rglob("*.png")}
    assert set(made.values()) <= kept  # not made a second time
    prepare_mirflickr(folder, tmp_path / "whole")
    one, other = pictures(output), pictures(tmp_path / "whole")
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
