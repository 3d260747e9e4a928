"""Pairs divided among splits: by scene, alike for everyone who asks."""

import numpy as np
import pytest

from config import Config, get_defaults
from data import DATASETS
from data.build import build_dataset
from data.doctor import Kind, examine
from data.inventory import inventory_of
from utils.errors import ConfigError, DataError
from utils.images import read_image, write_image

THREE = {"train": 0.5, "val": 0.25, "test": 0.25}


@pytest.fixture
def folder(tmp_path, rng):
    """Twelve scenes, each a target that two inputs share."""
    for number in range(24):
        scene = np.random.default_rng(number // 2).integers(0, 256, (6, 6, 3), np.uint8)
        target = scene.repeat(8, axis=0).repeat(8, axis=1)
        for half, image in (("low", target // (3 + number % 2)), ("high", target)):
            (tmp_path / half).mkdir(exist_ok=True)
            write_image(tmp_path / half / f"{number:02}.png", image)
    return tmp_path


def build(folder, split, **arguments):
    places = {"input": str(folder / "low"), "target": str(folder / "high")}
    return DATASETS.build("PairedFolders", **places, **arguments, channels=3, split=split)


def test_every_pair_is_in_one_split_and_every_scene_too(folder):
    parts = {split: build(folder, split, shares=THREE) for split in THREE}
    assert {split: len(part) for split, part in parts.items()} == {"train": 12, "val": 6, "test": 6}
    names = {split: [pair.name for pair in part.pairs] for split, part in parts.items()}
    assert sorted(sum(names.values(), [])) == [f"{number:02}" for number in range(24)]
    scenes = {split: {int(name) // 2 for name in own} for split, own in names.items()}
    assert sum(map(len, scenes.values())) == 12
    for part in parts.values():  # each tells of all
        (division,) = inventory_of(part).divisions
        assert division.names == names and division.seed == 0


def test_another_seed_divides_otherwise(folder):
    first, again, other = (build(folder, "val", shares=0.7, seed=seed) for seed in (0, 0, 1))
    assert first.pairs == again.pairs != other.pairs
    assert len(build(folder, "train", shares=0.7)) + len(first) == 24


def test_without_shares_all_are_read(folder):
    data = build(folder, "test")
    assert len(data) == 24 and inventory_of(data).divisions == []


def test_a_split_without_a_share_is_refused_by_key(folder):
    cfg = config(folder, shares=0.7)
    with pytest.raises(ConfigError, match=r"DATASETS.TEST.ARGS: .* shares gives nothing to test"):
        build_dataset(cfg, "test")


def test_too_few_scenes_are_told_by_place(folder):
    for file in list((folder / "high").iterdir())[1:]:
        write_image(file, read_image(next((folder / "high").iterdir())))
    with pytest.raises(DataError, match="train: .*high: .* are too few"):
        build(folder, "train", shares=0.5)


def config(folder, **arguments):
    cfg = get_defaults()
    places = {"input": str(folder / "low"), "target": str(folder / "high")}
    for split in ("TRAIN", "VAL", "TEST"):
        cfg.DATASETS[split].NAME = "PairedFolders"
        cfg.DATASETS[split].ARGS = Config(**places, **arguments)
    return cfg


def test_the_doctor_finds_no_leak_between_shares(folder):
    report = examine(config(folder, shares=Config(**THREE)), 1, thorough=True)
    assert report.findings == []
    assert report.files == {"train": 24, "val": 12, "test": 12}
    leaking = {(finding.split, finding.kind) for finding in examine(config(folder), 1).findings}
    assert leaking == {
        ("val", Kind.SHARED), ("test", Kind.SHARED), ("test", Kind.VALIDATED)
    }  # fmt: skip


def test_a_mixture_tells_of_its_parts_divisions(folder):
    places = {"input": str(folder / "low"), "target": str(folder / "high")}
    parts = [
        {"NAME": "PairedFolders", "ARGS": {**places, "shares": THREE}},
        {"NAME": "PairedFolders", "ARGS": places},
    ]
    mixture = DATASETS.build("Mixture", parts=parts, channels=3, split="val")
    assert len(mixture) == 6 + 24
    (division,) = inventory_of(mixture).divisions
    assert division.place == places["target"]
