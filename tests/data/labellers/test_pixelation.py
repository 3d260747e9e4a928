"""Labelled pictures: the label alone tells them apart, and labels never change."""

import numpy as np
import pytest

from config import from_dict
from data import LABELLERS
from data.build import build_loader
from utils.errors import ConfigError
from utils.images import write_image

NOISE = {"NAME": "Noise", "ARGS": {"sigma": [1, 20]}}
JPEG = {"NAME": "JPEG", "ARGS": {"quality": [30, 90]}}


def made(label, seed=0, **arguments):
    image = np.random.default_rng(9).random((60, 48, 3), dtype=np.float32)
    labeller = LABELLERS.build("Pixelation", **arguments)
    return image, labeller(image, label, np.random.default_rng(seed))


def test_clean_is_as_it_was_and_pixelated_has_equal_neighbours():
    image, clean = made(0, factor=2)
    assert np.array_equal(image, clean)
    _, pixelated = made(1, factor=2)
    assert np.array_equal(pixelated[::2, ::2], pixelated[1::2, 1::2])
    assert not np.array_equal(pixelated, image)


def test_what_comes_before_is_drawn_alike_for_both_labels():
    _, clean = made(0, before=[NOISE], factor=2)
    _, pixelated = made(1, before=[NOISE], factor=2)
    assert np.array_equal(clean[1::2, 1::2], pixelated[1::2, 1::2])


def test_what_comes_after_is_drawn_alike_for_both_labels():
    noise = [made(label, after=[NOISE], factor=1)[1] - made(label, factor=1)[1] for label in (0, 1)]
    assert noise[0].std() > 0
    assert np.allclose(*noise, atol=1e-6)


def test_the_asked_share_has_one_of_the_other_factors():
    labeller = LABELLERS.build("Pixelation", factor=[1.5, 4.0], also=[10, 16], share=0.5)
    row = np.linspace(0, 1, 2400, dtype=np.float32)[None, :, None]
    counts = [len(np.unique(labeller(row, 1, np.random.default_rng(seed)))) for seed in range(200)]
    assert {count for count in counts if count < 600} == {150, 240}
    assert 75 < sum(count < 600 for count in counts) < 125
    assert len(set(counts)) > 60
    with pytest.raises(ValueError, match="0 without also"):
        LABELLERS.build("Pixelation", share=0.5)


def test_a_wrong_degradation_is_named_with_its_place():
    with pytest.raises(ConfigError, match=r"DATA\.LABELLER\.ARGS\.after\.1\.NAME.*JPEG"):
        LABELLERS.build("Pixelation", after=[NOISE, {"NAME": "JPG"}])


def config(folder, **data):
    split = {"NAME": "CleanFolder", "ARGS": {"folder": str(folder)}}
    labeller = {"NAME": "Pixelation", "ARGS": {"factor": [1.5, 4.0], "after": [JPEG]}}
    data = {
        "LABELLER": labeller,
        "REPRESENTATION": {"NAME": "Differences", "ARGS": {"size": 32}},
        "WORKERS": 0,
        "BATCH_SIZE": 4,
        **data,
    }
    return from_dict({"DATASETS": {"TRAIN": split, "TEST": split}, "DATA": data})


@pytest.fixture
def folder(tmp_path, rng):
    for number in range(5):
        picture = rng.integers(0, 256, (50, 40 + number, 3), dtype=np.uint8)
        write_image(tmp_path / f"{number}.png", picture)
    return tmp_path


def test_each_picture_has_each_label_once(folder):
    batches = list(build_loader(config(folder), "test", "cpu"))
    labels = [(batch["name"][0], batch["label"].item()) for batch in batches]
    assert labels == [(str(number), label) for number in range(5) for label in (0, 1)]
    assert {tuple(batch["input"].shape) for batch in batches} == {(1, 3, 32, 32)}
    assert all("target" not in batch for batch in batches)


def test_test_pictures_are_the_same_in_every_run_and_training_draws_anew(folder):
    def inputs(split, epoch):
        loader = build_loader(config(folder), split, "cpu")
        loader.set_epoch(epoch)
        batches = list(loader)
        keys = [key for b in batches for key in zip(b["name"], b["label"].tolist(), strict=True)]
        pictures = [picture for batch in batches for picture in batch["input"].numpy()]
        return dict(zip(keys, pictures, strict=True))

    first, again = inputs("test", 0), inputs("test", 0)
    assert all(np.array_equal(first[key], again[key]) for key in first)
    one, other = inputs("train", 1), inputs("train", 2)
    assert one.keys() == other.keys() == first.keys()
    assert not any(np.array_equal(one[key], other[key]) for key in one if key[1])
    same = inputs("train", 1)
    assert all(np.array_equal(one[key], same[key]) for key in one)


def test_degradations_of_inputs_are_refused(folder):
    cfg = config(folder, DEGRADATIONS=[NOISE])
    with pytest.raises(ConfigError, match=r"DATA\.DEGRADATIONS.*DATA\.LABELLER"):
        build_loader(cfg, "train", "cpu")


def test_without_a_representation_the_known_ones_are_told(folder):
    cfg = config(folder, REPRESENTATION={"NAME": ""})
    with pytest.raises(ConfigError, match=r"DATA\.REPRESENTATION\.NAME.*CannyEdges"):
        build_loader(cfg, "train", "cpu")
