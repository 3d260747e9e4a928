"""The loader with decoded pictures kept: the same samples to the bit, and no decoding."""

from pathlib import Path

import numpy as np
import pytest
import torch

from config import Config, get_defaults
from data.build import build_loader
from data.loader import Loader
from tests.comparison import assert_same
from utils.images import write_image


@pytest.fixture
def photos(tmp_path, rng) -> Path:
    for number in range(7):
        for half, factor in (("target", 2), ("input", 1)):
            (tmp_path / half).mkdir(exist_ok=True)
            shape = (factor * (20 + number), factor * 24, 3)
            write_image(tmp_path / half / f"{number}.png", rng.integers(0, 256, shape, np.uint8))
    return tmp_path


def degraded(folder: Path) -> Config:
    cfg = get_defaults()
    cfg.DATASETS.TRAIN = Config(NAME="CleanFolder", ARGS=Config(folder=str(folder / "target")))
    cfg.DATA.TRANSFORMS = [Config(NAME="RandomCrop", ARGS=Config(size=8))]
    cfg.DATA.DEGRADATIONS = [Config(NAME="Noise", ARGS=Config(sigma=0.1))]
    return cfg


def paired(folder: Path) -> Config:
    cfg = degraded(folder)
    arguments = Config(input=str(folder / "input"), target=str(folder / "target"))
    cfg.DATASETS.TRAIN = Config(NAME="PairedFolders", ARGS=arguments)
    cfg.DATA.TRANSFORMS += [Config(NAME="RandomFlip", ARGS=Config())]
    cfg.DATA.DEGRADATIONS = []
    return cfg


def labelled(folder: Path) -> Config:
    cfg = degraded(folder)
    cfg.DATA.DEGRADATIONS = []
    cfg.DATA.LABELLER = Config(NAME="Pixelation", ARGS=Config(factor=2.0))
    cfg.DATA.REPRESENTATION = Config(NAME="Differences", ARGS=Config())
    return cfg


def printed(folder: Path) -> Config:
    cfg = degraded(folder)
    arguments = Config(count=5, size=64, photos=[str(folder / "target")])
    cfg.DATASETS.TRAIN = Config(NAME="PrintedMatter", ARGS=arguments)
    return cfg


def epochs(cfg: Config) -> list[list[dict]]:
    return epochs_of(build_loader(cfg, "train", "cpu"))


def epochs_of(loader: Loader) -> list[list[dict]]:
    found = []
    for epoch in (0, 1):
        loader.set_epoch(epoch)
        found.append(list(loader))
    return found


@pytest.mark.parametrize("make_config", [degraded, paired, labelled, printed])
def test_samples_are_the_same_to_the_bit_whatever_keeps_their_pictures(photos, make_config):
    cfg = make_config(photos)
    cfg.DATA.BATCH_SIZE = 3
    cfg.DATA.WORKERS = 0
    expected = epochs(cfg)
    assert expected[0][0]["input"].dtype == torch.uint8
    for cache in ("ram", "disk"):
        for workers in (0, 1, 2):
            cfg.DATASETS.CACHE = cache
            cfg.DATASETS.CACHE_DIR = str(photos / f"decoded{workers}")
            cfg.DATA.WORKERS = workers
            assert_same(epochs(cfg), expected)


@pytest.mark.parametrize("cache", ["ram", "disk"])
@pytest.mark.parametrize("workers", [0, 2])
def test_nothing_is_decoded_twice(photos, cache, workers, decodings):
    cfg = paired(photos)
    cfg.DATASETS.CACHE = cache
    cfg.DATASETS.CACHE_DIR = str(photos / "decoded")
    cfg.DATA.WORKERS = workers
    loader = build_loader(cfg, "train", "cpu")
    expected = epochs_of(loader)
    decoded = decodings.value
    assert decoded >= 14
    assert_same(epochs_of(loader), expected)
    assert decodings.value == decoded


@pytest.mark.parametrize("cache", ["ram", "disk"])
def test_what_does_not_fit_is_told_once_and_read_all_the_same(photos, cache, messages):
    cfg = degraded(photos)
    expected = epochs(cfg)
    cfg.DATASETS.CACHE = cache
    cfg.DATASETS.CACHE_GB = 1e-5
    cfg.DATASETS.CACHE_DIR = str(photos / "decoded")
    cfg.DATA.WORKERS = 2
    assert_same(epochs(cfg), expected)
    (told,) = [line for line in messages if "CACHE_GB" in line]
    assert told.endswith("what is not kept is decoded at each reading")
