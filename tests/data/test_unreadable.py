"""Training goes on without a bounded number of files that cannot be read."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from config import Config, get_defaults
from data.build import build_loader
from utils.errors import ConfigError, DataError


@pytest.fixture
def photos(tmp_path, rng) -> Path:
    for number in range(6):
        picture = rng.integers(0, 256, (12, 12, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    return tmp_path


def make_config(photos: Path, allowed: int, workers: int = 0) -> Config:
    cfg = get_defaults()
    for split in ("TRAIN", "VAL"):
        cfg.DATASETS[split].NAME = "CleanFolder"
        cfg.DATASETS[split].ARGS = Config(folder=str(photos))
    cfg.DATA.TRANSFORMS = [Config(NAME="RandomCrop", ARGS=Config(size=8))]
    cfg.DATA.DEGRADATIONS = [Config(NAME="Glare", ARGS=Config())]
    cfg.DATA.BATCH_SIZE, cfg.DATA.WORKERS, cfg.DATA.MAX_UNREADABLE = 2, workers, allowed
    return cfg


def spoil(photos: Path, *numbers: int) -> list[str]:
    """Cut files short, but for the first, which goes altogether."""
    paths = [photos / f"{number}.png" for number in numbers]
    for path in paths:
        path.write_bytes(path.read_bytes()[:200])
    paths[0].unlink()
    return [str(path) for path in paths]


def message_of(loader) -> str:
    try:
        list(loader)
    except DataError as error:
        return str(error)
    pytest.fail("no error")


@pytest.mark.parametrize("workers", [0, 2])
def test_the_next_readable_sample_stands_in(photos, workers):
    whole = list(build_loader(make_config(photos, 2, workers), "train", "cpu"))
    loader = build_loader(make_config(photos, 2, workers), "train", "cpu")
    spoilt = spoil(photos, 2, 3)
    batches = list(loader)
    replaced = {"2": "4", "3": "4"}
    for before, after in zip(whole, batches, strict=True):
        assert after["name"] == [replaced.get(name, name) for name in before["name"]]
        assert before["unreadable"] == []
        assert bool(after["unreadable"]) == bool(replaced.keys() & set(before["name"]))
        for row, name in enumerate(before["name"]):
            if name not in replaced:
                for half in ("input", "target"):
                    assert torch.equal(before[half][row], after[half][row])
    named = {file for batch in batches for file in batch["unreadable"]}
    assert named == set(spoilt)


def test_what_stands_in_is_the_same_every_time(photos):
    loaders = [build_loader(make_config(photos, 2, workers), "train", "cpu") for workers in (0, 2)]
    spoil(photos, 0, 5)
    first, second = (list(loader) for loader in loaders)
    for a, b in zip(first, second, strict=True):
        assert a["name"] == b["name"] and a["unreadable"] == b["unreadable"]
        assert torch.equal(a["input"], b["input"]) and torch.equal(a["target"], b["target"])


def test_a_drawn_mixture_draws_again(photos, tmp_path):
    cfg = make_config(photos, 1)
    part = {"NAME": "CleanFolder", "ARGS": {"folder": str(photos)}}
    cfg.DATASETS.TRAIN = Config(NAME="Mixture", ARGS=Config(parts=[part], weights=[1.0]))
    loader = build_loader(cfg, "train", "cpu")
    (spoilt,) = spoil(photos, 1)
    named = set()
    for epoch in range(4):
        loader.set_epoch(epoch)
        for batch in loader:
            assert "1" not in batch["name"]
            named.update(batch["unreadable"])
    assert named == {spoilt}


@pytest.mark.parametrize("workers", [0, 1])
def test_none_is_skipped_unless_allowed(photos, workers):
    loader = build_loader(make_config(photos, 0, workers), "train", "cpu")
    (spoilt,) = spoil(photos, 1)
    message = message_of(loader)
    assert message.startswith(f"train: {spoilt}: cannot be read: No such file")
    assert "DATA.MAX_UNREADABLE" in message


@pytest.mark.parametrize("workers", [0, 1])
def test_one_sample_that_stands_for_too_many(photos, workers):
    loader = build_loader(make_config(photos, 2, workers), "train", "cpu")
    spoilt = spoil(photos, 2, 3, 4)
    message = message_of(loader)
    assert "3 training files cannot be read, where DATA.MAX_UNREADABLE allows 2" in message
    assert all(file in message for file in spoilt)


def test_nothing_readable_ends(photos):
    loader = build_loader(make_config(photos, 99), "train", "cpu")
    spoil(photos, *range(6))
    assert "6 training files cannot be read" in message_of(loader)


def test_validation_skips_nothing(photos):
    loader = build_loader(make_config(photos, 9), "val", "cpu")
    spoil(photos, 4)
    assert message_of(loader).startswith("val: ")


def test_a_negative_bound(photos):
    with pytest.raises(ConfigError, match="^DATA.MAX_UNREADABLE: "):
        build_loader(make_config(photos, -1), "train", "cpu")
