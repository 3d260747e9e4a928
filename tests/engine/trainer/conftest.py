"""The pictures and the config of a whole small run on the CPU."""

import logging

import numpy as np
import pytest

import config
from config import get_defaults
from tests.engine.trainer.small_runs import SignallingL1, TinyNet
from utils.images import write_image


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Six pairs to learn from and two to validate on: the input is 40 too bright."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        for number in range(count):
            target = np.kron(rng.integers(0, 200, (6, 7, 1)), np.ones((4, 4, 1))).astype(np.uint8)
            for half, image in (("target", target), ("input", target + 40)):
                (folder / split / half).mkdir(parents=True, exist_ok=True)
                write_image(folder / split / half / f"{number}.png", image)
    return folder


@pytest.fixture
def make(pairs, tmp_path):
    """A changeable config of a run: two epochs of three steps."""

    def build(name="run", **options):
        cfg = get_defaults()
        cfg.OUTPUT_DIR = str(tmp_path / name)
        cfg.DEVICE = "cpu"
        cfg.MODEL.NAME = TinyNet.__name__
        loss = SignallingL1.__name__
        cfg.LOSSES["pixel"] = config.Config(NAME=loss, WEIGHT=1.0, ARGS=config.Config())
        for split in ("TRAIN", "VAL"):
            cfg.DATASETS[split].NAME = "PairedFolders"
            for half in ("input", "target"):
                cfg.DATASETS[split].ARGS[half] = str(pairs / split.lower() / half)
        cfg.DATA.CHANNELS, cfg.DATA.BATCH_SIZE, cfg.DATA.WORKERS = 1, 2, 0
        cfg.SOLVER.EPOCHS, cfg.SOLVER.LR = 2, 0.01
        cfg.VALIDATION.SAMPLES = 1
        cfg.METRICS["psnr"] = config.Config(NAME="PSNR", ARGS=config.Config())
        cfg.LOG.PERIOD = 2
        for key, value in options.items():
            *path, leaf = key.split("__")
            node = cfg
            for part in path:
                node = node[part]
            node[leaf] = value
        return cfg

    return build


@pytest.fixture(autouse=True)
def quiet_afterwards():
    yield
    for handler in list(logging.getLogger("pellucid").handlers):
        logging.getLogger("pellucid").removeHandler(handler)
        handler.close()
