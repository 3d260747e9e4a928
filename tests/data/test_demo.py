import hashlib

import numpy as np
import pytest
import skimage.data

from data.datasets.stitched import StitchedPanels
from data.demo import (
    PHOTOGRAPHS,
    load_photographs,
    stitch,
    write_demo_set,
    write_glare_set,
)
from data.prepare import check_panel_order
from utils.errors import DataError
from utils.images import list_images, read_image, write_image


@pytest.fixture(scope="module")
def demo_set(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "set"
    write_demo_set(folder, train=5, val=3, samples=2)
    return folder


def test_the_set_is_what_the_sd1_loader_and_checks_expect(demo_set):
    assert len(list_images(demo_set / "train")) == 5
    assert len(list_images(demo_set / "val")) == 3
    for path in list_images(demo_set / "train"):
        picture = read_image(path, keep_alpha=True)
        assert picture.shape == (512, 1536, 4)
        assert picture.dtype == np.uint8
        assert (picture[..., 3] == 255).all()
        check_panel_order(path, picture[..., :3])
    loaded = StitchedPanels(str(demo_set / "val"), channels=1, split="val")
    sample = loaded.read(0, np.random.default_rng(0))
    assert sample["input"].shape == sample["target"].shape == (512, 512, 1)


def test_glare_only_adds_light_and_the_mask_says_where(demo_set):
    for path in list_images(demo_set / "val"):
        truth, glare, mask = np.split(read_image(path).astype(int), 3, axis=1)
        lift = (glare - truth).mean(axis=2)
        assert (lift >= -1).mean() > 0.99
        assert np.array_equal(mask[..., 0] == 255, lift > 0.02 * 255)
        assert set(np.unique(mask)) <= {0, 255}
        assert 0.01 < lift.mean() / 255 < 0.4


def test_samples_are_the_glare_panels_of_validation(demo_set):
    samples = list_images(demo_set / "samples")
    assert len(samples) == 2
    for sample, stitched in zip(samples, list_images(demo_set / "val"), strict=False):
        assert np.array_equal(read_image(sample), read_image(stitched)[:, 512:1024])


def test_train_and_val_share_neither_photograph_nor_truth(demo_set):
    assert not set(PHOTOGRAPHS["train"]) & set(PHOTOGRAPHS["val"])
    digests = [
        hashlib.sha256(read_image(path)[:, :512].tobytes()).hexdigest()
        for split in ("train", "val")
        for path in list_images(demo_set / split)
    ]
    assert len(set(digests)) == len(digests)


def test_the_set_is_the_same_each_time(demo_set, tmp_path):
    write_demo_set(tmp_path / "again", train=2, val=1, samples=0)
    for path in (tmp_path / "again").rglob("*.png"):
        first = demo_set / path.parent.name / path.name
        assert np.array_equal(read_image(path), read_image(first))


def test_no_photograph_is_downloaded(monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", no_network)
    photographs = load_photographs("train") | load_photographs("val")
    assert all(photo.ndim == 3 and photo.shape[2] == 3 for photo in photographs.values())
    assert np.array_equal(photographs["cat"], skimage.data.cat())
    assert np.array_equal(photographs["camera"][..., 0], skimage.data.camera())


def test_stitch_puts_the_panels_in_order():
    truth = np.full((4, 4, 3), 100, np.uint8)
    glare = truth.copy()
    glare[0, 0] = 106  # 6 / 255 is above 0.02, 5 / 255 is below
    glare[1, 1] = 105
    stitched = stitch(truth, glare)
    assert stitched.shape == (4, 12, 4)
    assert np.array_equal(stitched[:, :4, :3], truth)
    assert np.array_equal(stitched[:, 4:8, :3], glare)
    assert stitched[0, 8].tolist() == [255, 255, 255, 255]
    assert (stitched[:, 8:, 0] == 255).sum() == 1


def test_an_existing_set_is_kept(demo_set):
    with pytest.raises(DataError, match="--force"):
        write_demo_set(demo_set, train=1, val=1)
    assert len(list_images(demo_set / "train")) == 5


def test_a_set_of_own_photographs_is_half_print_and_the_same_when_enlarged(tmp_path):
    photos = tmp_path / "photos"
    write_image(photos / "a1.png", load_photographs("val")["coffee"])
    write_image(photos / "b1.png", load_photographs("val")["rocket"])
    for side in (512, 1024):
        write_glare_set(tmp_path / str(side), photos, include="a*", count=2, enlarge=side)
    small, large = (
        [read_image(path) for path in list_images(tmp_path / str(side))] for side in (512, 1024)
    )
    for one, other in zip(small, large, strict=True):
        assert other.shape == (1024, 3072, 3)
        shrunk = other.reshape(512, 2, 1536, 2, 3).mean(axis=(1, 3))
        assert np.abs(shrunk[:, :1024] - one[:, :1024]).mean() < 4  # panels meet at 1024
