"""tools/score.py as a user runs it: from any folder, in a process of its own."""

import json
import math

import numpy as np
import pytest

from tests.forks import run
from utils.images import write_image


def score(*words, folder):
    return run("score", *words, folder=folder)


@pytest.fixture
def folder(tmp_path):
    target = np.full((20, 20, 3), 100, np.uint8)
    write_image(tmp_path / "output" / "one.png", target + np.uint8(1))
    write_image(tmp_path / "output" / "two.png", target + np.uint8(10))
    for name in ("one", "two"):
        write_image(tmp_path / "target" / f"{name}.bmp", target)
    return tmp_path


def test_json(folder):
    result = score("output", "target", "--json", "--crop-border", 2, folder=folder)
    assert result.returncode == 0 and result.stderr == ""
    report = json.loads(result.stdout)
    assert list(report) == ["protocol", "images", "mean"]
    assert [row["name"] for row in report["images"]] == ["one", "two"]
    # 20 log10(255) and 20 dB less.
    assert [row["psnr"] for row in report["images"]] == pytest.approx([48.1308, 28.1308], abs=1e-4)
    assert list(report["mean"]) == ["psnr", "ssim", "l1"]
    assert report["mean"]["psnr"] == pytest.approx(38.1308, abs=1e-4)
    assert report["protocol"]["metrics"]["psnr"]["crop_border"] == 2


def test_table_states_its_protocol(folder):
    result = score("output", "target", "--metrics", "psnr", "--y-channel", folder=folder)
    assert result.returncode == 0
    assert "BT.601" in result.stdout and "data_range 255" in result.stdout
    name, mean = result.stdout.splitlines()[-1].split()
    # Luma spans 219 of 255 levels: gray 100, 101 and 110 are 102, 103 and 110, so 1 and 8 apart.
    assert name == "mean" and float(mean) == pytest.approx(48.1308 - 10 * math.log10(8), abs=2e-4)


def test_errors_are_one_line_and_exit_2(folder):
    (folder / "output" / "two.png").unlink()
    result = score("output", "target", folder=folder)
    assert result.returncode == 2 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and "two.bmp" in result.stderr


def test_lpips_without_weights_fails_at_the_start(folder):
    words = ("output", "target", "--metrics", "lpips", "--lpips-weights", "none.pth")
    result = score(*words, folder=folder)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "none.pth: there is no such weights file" in result.stderr
