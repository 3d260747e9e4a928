"""tools/train_net.py as a user runs it: from any folder, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.forks import run
from utils.images import write_image

TOOL = Path(__file__).resolve().parents[2] / "tools" / "train_net.py"
CONFIG = """\
OUTPUT_DIR: run
DEVICE: cpu
MODEL: {NAME: UNet, ARGS: {widths: [4, 8]}}
LOSSES: {pixel: {NAME: L1}}
DATASETS:
  TRAIN: {NAME: PairedFolders, ARGS: {input: train/input, target: train/target}}
  VAL: {NAME: PairedFolders, ARGS: {input: val/input, target: val/target}}
DATA: {CHANNELS: 1, BATCH_SIZE: 2, WORKERS: 0}
SOLVER: {EPOCHS: 1}
METRICS: {psnr: {NAME: PSNR}}
LOG: {PERIOD: 1}
"""


@pytest.fixture
def folder(tmp_path, rng):
    for split in ("train", "val"):
        for number in range(4):
            target = rng.integers(0, 200, (16, 16, 1)).astype(np.uint8)
            for half, image in (("target", target), ("input", target + 40)):
                (tmp_path / split / half).mkdir(parents=True, exist_ok=True)
                write_image(tmp_path / split / half / f"{number}.png", image)
    (tmp_path / "small.yml").write_text(CONFIG)
    return tmp_path


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, str(TOOL), "--config-file", "small.yml", *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that a signal to the group reaches the loader's workers too
    )


def finish(process, limit=120):
    out, err = process.communicate(timeout=limit)
    return process.returncode, out, err


def stop_while_training(folder, number):
    process = start(folder, "SOLVER.ITERATIONS", "100000", "DATA.WORKERS", "1")
    measured = folder / "run" / "metrics.jsonl"
    limit = time.monotonic() + 90
    while not (measured.is_file() and len(measured.read_text().splitlines()) > 2):
        assert process.poll() is None and time.monotonic() < limit, finish(process)
        time.sleep(0.1)
    os.killpg(process.pid, number)
    return finish(process)


def test_trains_and_refuses_to_train_over_it(folder):
    words = ["--config-file", "small.yml", "SOLVER.LR", "1e-3"]
    ended = run("train_net", *words, folder=folder)
    assert ended.returncode == 0, ended.stderr
    assert (folder / "run" / "checkpoints" / "best.safetensors").is_file()
    assert ended.stderr == ""  # no bar where no terminal is
    assert (folder / "run" / "log.txt").read_text() == ended.stdout
    again = run("train_net", "--config-file", "small.yml", folder=folder)
    assert again.returncode == 2
    assert again.stderr.startswith("error: run/checkpoints/last.pt: a run is already there")
    assert len(again.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals to a group of processes")
def test_ctrl_c_saves_and_resume_goes_on(folder):
    code, out, err = stop_while_training(folder, signal.SIGINT)
    assert code == 130, err
    assert "stopped by Ctrl-C" in out and "go on with --resume" in out
    assert "Traceback" not in err
    words = ["--config-file", "small.yml", "--resume", "SOLVER.ITERATIONS", "1"]
    resumed = run("train_net", *words, folder=folder)
    assert resumed.returncode == 0, resumed.stderr
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").open()]
    assert rows[-1]["kind"] == "epoch" and rows[-1]["iteration"] >= 2


def test_help_shows_examples(tmp_path):
    done = run("train_net", "--help", folder=tmp_path)
    assert done.returncode == 0
    assert "tools/train_net.py --config-file configs/sd1_glare.yml" in done.stdout
    assert "--resume" in done.stdout
