"""Each kind of work, for an architecture with and without scale, and for a classifier."""

from pathlib import Path

import numpy as np
import pytest

from config import load_config
from engine.benchmarks.measures import MEASURES, measure
from engine.benchmarks.subject import Subject
from tests.conftest import REPOSITORY
from utils.errors import ConfigError
from utils.images import write_image


@pytest.fixture
def photos(tmp_path, rng) -> Path:
    for folder in ("train", "val"):
        for number in range(3):
            image = rng.integers(0, 256, (100, 120, 3), np.uint8)
            write_image(tmp_path / folder / f"{number}.png", image)
    return tmp_path


def subject_of(name: str, *overrides: str, size: int = 64, batch: int = 1) -> Subject:
    words = ["DEVICE", "cpu", "DATA.BATCH_SIZE", "2", "DATA.WORKERS", "0", *overrides]
    return Subject(
        name, load_config(REPOSITORY / f"configs/{name}.yml", words), size, size, (), batch
    )


def on_disk(photos: Path, *overrides: str) -> Subject:
    folders = [f"DATASETS.{split}.ARGS.folder" for split in ("TRAIN", "VAL")]
    places = [str(photos / "train"), str(photos / "val")]
    words = [word for pair in zip(folders, places, strict=True) for word in pair]
    words += ["DATA.EPOCH_SIZE", "4", "DATASETS.CACHE_DIR", str(photos / "decoded")]
    return subject_of("div2k_mobilesr", *words, *overrides)


@pytest.mark.parametrize("name", ["div2k_mobilesr", "sd1_glare", "div2k_pixelation"])
def test_a_step_needs_no_data_set(name):
    crop = {"div2k_mobilesr": 96, "sd1_glare": 64, "div2k_pixelation": 240}[name]
    (figure,) = measure("step", [subject_of(name, size=crop)], 1)
    side = {"div2k_mobilesr": 24, "sd1_glare": 64, "div2k_pixelation": 224}[name]
    assert figure.items == 2 and figure.peak_bytes
    assert figure.setting[0] == "batch 2" and figure.setting[2] == "float32"
    assert name == "div2k_pixelation" or figure.setting[1] == f"input {side}x{side}"


def test_restoring_one_by_one_in_tiles_and_in_batches():
    one = subject_of("sd1_glare", batch=3)
    subject = Subject(one.name, one.cfg, 64, 48, (32,), 3)
    figures = measure("restoring", [subject], 1)
    assert [figure.setting[:2] for figure in figures] == [
        ("batch 1", "48x64"),
        ("tile 32", "48x64"),
        ("batch 3", "48x64"),
    ]
    assert [figure.items for figure in figures] == [1, 1, 3]


@pytest.mark.parametrize(("kind", "items"), [("loader", 4), ("epoch", 4), ("evaluation", 3)])
def test_what_reads_files(photos, kind, items):
    subjects = [on_disk(photos, "DATASETS.CACHE", cache) for cache in ("none", "disk", "ram")]
    figures = measure(kind, subjects, 1)
    assert [figure.items for figure in figures] == [items] * 3
    assert ["cache disk" in figure.setting for figure in figures] == [False, True, False]
    assert (photos / "decoded" / ".bytes").exists()
    assert not (photos / "output").exists()


def test_each_metric_by_itself():
    figures = measure("metrics", [subject_of("sd1_glare")], 1)
    assert [figure.name for figure in figures] == [
        "sd1_glare l1",
        "sd1_glare psnr",
        "sd1_glare ssim",
    ]


def test_a_classifiers_metrics_compare_no_pictures():
    with pytest.raises(ConfigError, match="METRICS: div2k_pixelation has none"):
        measure("metrics", [subject_of("div2k_pixelation")], 1)


def test_all_kinds_are_tried_here():
    assert set(MEASURES) == {"restoring", "step", "loader", "epoch", "evaluation", "metrics"}
