"""Runs over files that break while they train."""

import logging

import numpy as np
import pytest
import torch

from config import Config, get_defaults
from engine.checkpoint import load_checkpoint
from engine.trainer import Trainer
from engine.unreadable import UnreadableFiles
from utils.errors import DataError
from utils.images import write_image


@pytest.fixture
def cfg(tmp_path):
    """A run of two epochs over four training pictures, of which two may be unreadable."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 1)):
        for number in range(count):
            for half in ("input", "target"):
                picture = np.kron(rng.integers(0, 256, (4, 4, 1)), np.ones((4, 4, 1)))
                path = tmp_path / split / half / f"{number}.png"
                write_image(path, picture.astype(np.uint8))
    cfg = get_defaults()
    cfg.OUTPUT_DIR, cfg.DEVICE = str(tmp_path / "run"), "cpu"
    cfg.MODEL = Config(NAME="UNet", ARGS=Config(widths=[2, 2]), WEIGHTS="")
    cfg.LOSSES["pixel"] = Config(NAME="L1", WEIGHT=1.0, ARGS=Config())
    for split in ("TRAIN", "VAL"):
        folder = tmp_path / split.lower()
        cfg.DATASETS[split].NAME = "PairedFolders"
        cfg.DATASETS[split].ARGS = Config(
            input=str(folder / "input"), target=str(folder / "target")
        )
    cfg.DATA.CHANNELS = 1
    cfg.DATA.BATCH_SIZE, cfg.DATA.WORKERS, cfg.DATA.MAX_UNREADABLE = 2, 0, 2
    cfg.SOLVER.EPOCHS = 2
    cfg.METRICS["psnr"] = Config(NAME="PSNR", ARGS=Config())
    return cfg


def spoil(tmp_path, *numbers):
    paths = [tmp_path / f"train/input/{number}.png" for number in numbers]
    for path in paths:
        path.write_bytes(path.read_bytes()[:-20])
    return [str(path) for path in paths]


def test_skipped_files_are_named_once_and_at_the_end(cfg, tmp_path):
    spoilt = spoil(tmp_path, 1, 3)
    Trainer(cfg).train()
    log = (tmp_path / "run/log.txt").read_text()
    for file in spoilt:
        assert log.count(f"{file} cannot be read; training goes on without it") == 1
    ending = log[log.index("trained without 2 unreadable file(s):") :]
    assert all(f"\n  {file}\n" in ending for file in spoilt)


def test_the_bound_is_for_the_whole_run(cfg, tmp_path):
    trainer = Trainer(cfg)
    spoil(tmp_path, 0, 1, 2)
    with pytest.raises(DataError, match="3 training files cannot be read.*allows 2"):
        trainer.train()


def test_a_resumed_run_goes_on_counting(cfg, tmp_path):
    spoilt = spoil(tmp_path, 1, 3)
    Trainer(cfg).train()
    last = tmp_path / "run/checkpoints/last.pt"
    assert set(load_checkpoint(last)["unreadable"]["files"]) == set(spoilt)
    for file in spoilt:  # mended since: they count all the same
        number = file[-5]
        good = tmp_path / f"train/target/{number}.png"
        (tmp_path / f"train/input/{number}.png").write_bytes(good.read_bytes())
    cfg.SOLVER.EPOCHS = 3
    resumed = Trainer(cfg, resume=True)
    spoil(tmp_path, 0)
    with pytest.raises(DataError, match="3 training files cannot be read"):
        resumed.train()


def test_skipping_is_the_same_run_with_workers(cfg, tmp_path):
    spoil(tmp_path, 2)
    states = []
    for workers in (0, 2):
        cfg.DATA.WORKERS = workers
        cfg.OUTPUT_DIR = str(tmp_path / f"run{workers}")
        Trainer(cfg).train()
        state = load_checkpoint(tmp_path / f"run{workers}/checkpoints/last.pt")
        assert len(state["unreadable"]["files"]) == 1
        states.append(state["networks"]["model"])
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name])


def test_counting_by_itself():
    files = UnreadableFiles(allowed=1)
    files.note(["a"])
    files.note(["a"])
    with pytest.raises(DataError, match="2 training files.*allows 1: a, b;"):
        files.note(["b"])


def test_what_other_processes_told_is_counted_and_not_told_again(monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("pellucid"), "propagate", True)  # to where caplog is
    files = UnreadableFiles(allowed=2)
    files.note(["a.png"])
    assert caplog.records
    monkeypatch.setattr("engine.unreadable.gather", lambda own: [own, ["b.png", "a.png"]])
    caplog.clear()
    files.join()
    assert files.files == ["a.png", "b.png"] and not caplog.records
    monkeypatch.setattr("engine.unreadable.gather", lambda own: [own, ["c.png"]])
    with pytest.raises(DataError, match="3 training files cannot be read"):
        files.join()
