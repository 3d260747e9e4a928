"""docs/extending.md, word for word: its files written, its commands run, its parts used."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.checkpoint import load_weights
from tests.markdown import blocks
from utils.images import read_image, write_image

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "extending.md"


def photograph(rng):
    """A picture with edges and a smooth ground, 64x80."""
    picture = cv2.resize(rng.uniform(0.2, 0.8, (4, 5, 3)), (80, 64), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        top, left = rng.integers(0, (56, 72))
        picture[top : top + 8, left : left + rng.integers(2, 20)] = rng.uniform(0, 1, 3)
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The user's folder after every command of the page; and what they printed."""
    folder = tmp_path_factory.mktemp("lab")
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 3)):
        for number in range(count):
            write_image(folder / "photos" / split / f"{number}.png", photograph(rng))
    for block in blocks(PAGE):
        if block.file:
            (folder / block.file).parent.mkdir(exist_ok=True)
            (folder / block.file).write_text(block.text)
    (commands,) = blocks(PAGE, "sh")
    variables = {
        "PELLUCID": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["sh", "-e", "-c", commands.text],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_its_files_are_those_it_speaks_of(lab):
    files = [block.file for block in blocks(PAGE) if block.file]
    assert files == ["my_lab/models.py", "my_lab/losses.py", "my_lab/degradations.py", "my_lab.yml"]


def test_the_parts_are_listed(lab):
    _, printed = lab
    assert "Refocus(kernel=5)" in printed
    assert "Adds what one convolution makes of the details" in printed


def test_the_loss_was_measured_and_the_architecture_learnt(lab):
    folder, _ = lab
    rows = [json.loads(line) for line in (folder / "output/my_lab/metrics.jsonl").open()]
    assert any("gradients" in json.dumps(row) for row in rows)
    state, cfg, _ = load_weights(folder / "output/my_lab/checkpoints/best.safetensors")
    assert cfg.MODEL.NAME == "Refocus"
    assert state["sharpen.weight"].shape == (1, 1, 7, 7)
    assert state["sharpen.weight"].abs().sum() > 0.1


def test_the_degradation_was_applied_and_partly_undone(lab):
    """The input's own PSNR is finite, so it was blurred; the model's is higher."""
    folder, _ = lab
    with (folder / "output/my_lab/test/images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    for row in rows:
        assert 15 < float(row["input_psnr"]) + 0.5 < float(row["psnr"]), row


def test_pictures_are_restored_sharper(lab):
    folder, _ = lab
    names = sorted(path.name for path in (folder / "restored").iterdir())
    assert names == ["0.png", "1.png", "2.png"]
    for name in names:
        before, after = (read_image(folder / kind / name) for kind in ("photos/val", "restored"))
        assert before.shape == after.shape
        slopes = [np.abs(np.diff(image.astype(int), axis=1)).mean() for image in (before, after)]
        assert slopes[1] > slopes[0]
