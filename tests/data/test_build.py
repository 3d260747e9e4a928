"""The loader from config to batch: the traps of earlier projects, one by one."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import data
from config import Config, get_defaults
from data.build import build_loader
from data.sampler import EpochSampler
from data.samples import Samples, collate
from data.transfer import to_device
from utils.errors import ConfigError, DataError


class Noise:
    """A degradation that shows what was drawn."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image * 0.5 + rng.random(image.shape, dtype=np.float32) * 0.5


@pytest.fixture(autouse=True)
def noise(monkeypatch):
    monkeypatch.setitem(data.DEGRADATIONS._parts, "Noise", Noise)


@pytest.fixture
def photos(tmp_path, rng) -> Path:
    for number in range(7):
        picture = rng.integers(0, 256, (20 + number, 24, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    return tmp_path


def make_config(folder: Path, workers: int = 0) -> Config:
    cfg = get_defaults()
    for split in ("TRAIN", "VAL"):
        cfg.DATASETS[split].NAME = "CleanFolder"
        cfg.DATASETS[split].ARGS = Config(folder=str(folder))
    cfg.DATA.TRANSFORMS = [Config(NAME="RandomCrop", ARGS=Config(size=8))]
    cfg.DATA.DEGRADATIONS = [Config(NAME="Noise", ARGS=Config())]
    cfg.DATA.BATCH_SIZE = 3
    cfg.DATA.WORKERS = workers
    return cfg


def epoch_of(loader, epoch: int) -> list[dict]:
    loader.set_epoch(epoch)
    return list(loader)


def equal(first: list[dict], second: list[dict]) -> bool:
    return len(first) == len(second) and all(
        a["name"] == b["name"]
        and torch.equal(a["input"], b["input"])
        and torch.equal(a["target"], b["target"])
        for a, b in zip(first, second, strict=True)
    )


def error_of(loader) -> str:
    """The message of the loader's error; the error itself would keep broken-off workers alive."""
    try:
        list(loader)
    except DataError as error:
        return str(error)
    pytest.fail("no error")


def test_batches_are_what_the_engine_expects(photos):
    batches = list(build_loader(make_config(photos), "train", "cpu"))
    assert [len(batch["name"]) for batch in batches] == [3, 3, 1]  # the last one is kept
    for batch in batches:
        for half in ("input", "target"):
            assert batch[half].dtype == torch.uint8 and batch[half].is_contiguous()
            assert batch[half].shape == (len(batch["name"]), 3, 8, 8)


def test_samples_do_not_depend_on_the_number_of_workers(photos):
    loaders = [build_loader(make_config(photos, workers), "train", "cpu") for workers in (0, 1, 2)]
    for epoch in (0, 3):
        alone, one, two = (epoch_of(loader, epoch) for loader in loaders)
        assert equal(alone, one) and equal(alone, two)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_broken_off_leaves_nothing_behind(photos, workers):
    loader = build_loader(make_config(photos, workers), "train", "cpu")
    whole = epoch_of(loader, 0)
    loader.set_epoch(1)
    next(iter(loader))
    assert equal(epoch_of(loader, 0), whole)
    loader.set_epoch(0, start=3)
    assert equal(list(loader), whole[1:])


def test_every_epoch_has_its_own_order_crops_and_degradations(photos):
    cfg = make_config(photos)
    loader = build_loader(cfg, "train", "cpu")
    epochs = []
    for epoch in (0, 1):
        batches = epoch_of(loader, epoch)
        names = [name for batch in batches for name in batch["name"]]
        targets = torch.cat([batch["target"] for batch in batches])
        epochs.append((names, dict(zip(names, targets, strict=True))))
    (first_names, first), (second_names, second) = epochs
    assert sorted(first_names) == sorted(second_names) == [str(n) for n in range(7)]
    assert first_names != second_names
    assert sum(torch.equal(first[name], second[name]) for name in first) <= 1
    assert equal(epoch_of(loader, 0), epoch_of(build_loader(cfg, "train", "cpu"), 0))


def test_the_seed_changes_everything(photos):
    cfg, other = make_config(photos), make_config(photos)
    other.SEED = 1
    batches = [epoch_of(build_loader(c, "train", "cpu"), 0) for c in (cfg, other)]
    assert not equal(*batches)


def test_validation_is_whole_pictures_in_order_alike_in_every_run(photos):
    loader = build_loader(make_config(photos), "val", "cpu")
    batches = list(loader)
    assert [batch["name"] for batch in batches] == [[str(n)] for n in range(7)]
    assert [tuple(b["target"].shape) for b in batches] == [(1, 3, 20 + n, 24) for n in range(7)]
    assert not torch.equal(batches[0]["input"], batches[0]["target"])
    assert equal(batches, list(loader))
    assert equal(batches, list(build_loader(make_config(photos, 2), "val", "cpu")))


def test_test_falls_back_to_val_where_it_has_no_name(photos):
    cfg = make_config(photos)
    assert equal(list(build_loader(cfg, "test", "cpu")), list(build_loader(cfg, "val", "cpu")))


def test_loading_leaves_the_global_generators_alone(photos):
    np.random.seed(0)
    torch.manual_seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    list(build_loader(make_config(photos, 1), "train", "cpu"))
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@pytest.mark.parametrize("size", [4, 7, 17])
def test_epoch_size_wraps_the_data_set(photos, size):
    cfg = make_config(photos)
    cfg.DATA.EPOCH_SIZE = size
    batches = list(build_loader(cfg, "train", "cpu"))
    names = [name for batch in batches for name in batch["name"]]
    counts = [names.count(str(n)) for n in range(7)]
    assert len(names) == size and max(counts) - min(counts) <= 1
    targets = torch.cat([batch["target"] for batch in batches])
    assert len({target.numpy().tobytes() for target in targets}) >= size - 1


def test_order_is_a_permutation_and_can_start_midway():
    sampler = EpochSampler(100, None, seed=5, shuffle=True)
    sampler.set_epoch(2)
    keys = list(sampler)
    assert sorted(keys) == [(2, index) for index in range(100)] and keys != sorted(keys)
    sampler.set_epoch(2, start=30)
    assert list(sampler) == keys[30:]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_breaks_later_is_one_line(photos, workers):
    loader = build_loader(make_config(photos, workers), "train", "cpu")
    good = (photos / "3.png").read_bytes()
    (photos / "3.png").write_bytes(good[: len(good) // 2])
    message = error_of(loader)
    assert message.startswith("train: ") and "3.png" in message and "\n" not in message


@pytest.mark.parametrize("workers", [0, 1])
def test_sizes_that_share_no_batch(photos, workers):
    cfg = make_config(photos, workers)
    cfg.DATA.TRANSFORMS = []
    message = error_of(build_loader(cfg, "train", "cpu"))
    assert re.match(r"train: \d and \d cannot share a batch.*RandomCrop", message)


def test_crop_larger_than_a_picture_names_split_and_picture(photos):
    cfg = make_config(photos)
    cfg.DATA.TRANSFORMS[0].ARGS.size = 22
    with pytest.raises(DataError, match=r"^train: [01] is 24x2\d, smaller than RandomCrop"):
        list(build_loader(cfg, "train", "cpu"))


@pytest.mark.parametrize(
    ("degrade", "words"),
    [
        (lambda image, rng: image * np.nan, "gives values that are not finite"),
        (lambda image, rng: image[..., 0], r"must give a picture \(H, W, 3\).*shape \(8, 8\)"),
        (lambda image, rng: None, "but gives a NoneType"),
    ],
)
def test_a_degradation_that_gives_no_picture_is_named(photos, monkeypatch, degrade, words):
    monkeypatch.setattr(Noise, "__call__", lambda self, image, rng: degrade(image, rng))
    with pytest.raises(DataError, match=f"train: .*degradation Noise.*{words}"):
        epoch_of(build_loader(make_config(photos), "train", "cpu"), 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sample: sample.pop("target") is None, "whose 'target' is .*gives a NoneType"),
        (lambda sample: sample.update(target=sample["target"] / 255), "shape .* and float64"),
        (lambda sample: sample.pop("name") is None, "with its 'name'"),
    ],
)
def test_a_transform_that_gives_no_sample_is_named(photos, monkeypatch, change, words):
    def slip(self, sample, rng):
        change(sample)
        return sample

    monkeypatch.setattr(data.TRANSFORMS.get("RandomCrop"), "__call__", slip)
    cfg = make_config(photos)
    with pytest.raises(DataError, match=f"train: .*transform RandomCrop must give .*{words}"):
        epoch_of(build_loader(cfg, "train", "cpu"), 1)


def test_clean_pictures_without_degradations(photos):
    cfg = make_config(photos)
    cfg.DATA.DEGRADATIONS = []
    with pytest.raises(DataError, match="val: 0 is a clean picture .*DATA.DEGRADATIONS"):
        list(build_loader(cfg, "val", "cpu"))


def test_missing_data_says_how_to_get_it(photos):
    cfg = make_config(photos / "gone")
    cfg.DATASETS.HELP = "Run tools/prepare_data.py demo first.\n"
    with pytest.raises(DataError) as caught:
        build_loader(cfg, "train", "cpu")
    first, second = str(caught.value).splitlines()
    assert first.startswith("train: there is no folder") and second == cfg.DATASETS.HELP.strip()


@pytest.mark.parametrize(
    ("key", "value"),
    [("CHANNELS", 2), ("WORKERS", -1), ("BATCH_SIZE", 0), ("EPOCH_SIZE", 0)],
)
def test_impossible_numbers_name_their_key(photos, key, value):
    cfg = make_config(photos)
    cfg.DATA[key] = value
    with pytest.raises(ConfigError, match=f"^DATA.{key}: "):
        build_loader(cfg, "train", "cpu")


def test_unknown_parts_name_their_key(photos):
    cfg = make_config(photos)
    cfg.DATA.TRANSFORMS[0].NAME = "RandomCorp"
    with pytest.raises(ConfigError, match=r"^DATA.TRANSFORMS.0.NAME: .*RandomCrop"):
        build_loader(cfg, "train", "cpu")
    cfg = make_config(photos)
    cfg.DATASETS.TRAIN.ARGS = Config(foldr=str(photos))
    with pytest.raises(ConfigError, match=r"^DATASETS.TRAIN.ARGS.foldr: .*folder"):
        build_loader(cfg, "train", "cpu")
    cfg.DATASETS.TRAIN.NAME = ""
    with pytest.raises(ConfigError, match=r"^DATASETS.TRAIN.NAME: .*StitchedPanels"):
        build_loader(cfg, "train", "cpu")


class Ramp:
    """A data set without files: one picture that holds every value of its depth."""

    def __init__(self, dtype: type) -> None:
        side = int(np.sqrt(np.iinfo(dtype).max + 1))
        self.picture = np.arange(side * side).astype(dtype).reshape(side, side, 1)

    def __len__(self) -> int:
        return 1

    def read(self, index: int, rng: np.random.Generator) -> dict:
        return {"target": self.picture, "name": "ramp"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_degrading_with_nothing_keeps_every_value(dtype):
    source = Ramp(dtype)
    sample = Samples(source, [], [lambda image, rng: image], seed=0)[0, 0]
    assert sample["input"].dtype == dtype
    assert np.array_equal(sample["input"], source.picture)


def test_sixteen_bits_arrive_at_full_depth():
    deep = np.array([[[0], [1], [65535]]], np.uint16)
    shallow = np.array([[[0], [1], [255]]], np.uint8)
    batch = collate(
        [
            {"input": shallow, "target": deep, "name": "a"},
            {"input": shallow, "target": shallow, "name": "b"},
        ]
    )
    assert batch["input"].dtype == torch.uint8 and batch["target"].dtype == torch.float32
    moved = to_device(batch, "cpu")["target"]
    assert moved[:, 0, 0].tolist() == [
        [0.0, float(np.float32(1) / np.float32(65535)), 1.0],
        [0.0, float(np.float32(1) / np.float32(255)), 1.0],
    ]


def test_clean_pictures_are_cut_to_a_multiple_of_the_scale(photos):
    cfg = make_config(photos)
    cfg.DATA.DEGRADATIONS = [
        Config(NAME="Bicubic", ARGS=Config(scale=3)),
        Config(NAME="Noise", ARGS=Config()),
        Config(NAME="Nearest", ARGS=Config(scale=2)),
    ]
    cfg.DATA.TRANSFORMS[0].ARGS.size = 12
    (batch, *_) = epoch_of(build_loader(cfg, "train", "cpu"), 0)
    assert batch["target"].shape == (3, 3, 12, 12) and batch["input"].shape == (3, 3, 2, 2)
    whole = epoch_of(build_loader(cfg, "val", "cpu"), 0)
    assert [tuple(one["target"].shape[2:]) for one in whole] == [(18, 24)] * 4 + [(24, 24)] * 3
    assert [tuple(one["input"].shape[2:]) for one in whole] == [(3, 4)] * 4 + [(4, 4)] * 3
    original = cv2.imread(str(photos / "1.png"))[:18, :, ::-1]
    assert np.array_equal(whole[1]["target"][0].permute(1, 2, 0).numpy(), original)


def test_a_picture_smaller_than_the_scale_is_named(photos):
    cfg = make_config(photos)
    cfg.DATA.DEGRADATIONS = [Config(NAME="Bicubic", ARGS=Config(scale=21))]
    with pytest.raises(DataError, match="val: 0 is 24x20x3, too small to be degraded 21 times"):
        epoch_of(build_loader(cfg, "val", "cpu"), 0)
