"""Correcting pixelated pictures, and leaving clean ones alone."""

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio as psnr
from torch import nn
from torch.nn import functional as F

from data import REPRESENTATIONS
from data.degradations.pixelation import resize_nearest
from engine.correction import BlockRestorer, PixelationCorrector
from engine.detector import Detector
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling.architectures.sharpen import Sharpen
from modeling.descriptor import ClassifierDescriptor, Descriptor
from utils.errors import ConfigError, ImageTooLargeError


class Fourfold(nn.Module):
    """Enlarges by a cubic, as a network would."""

    descriptor = Descriptor(scale=4, channels=0, receptive_field=9)

    def forward(self, x):
        return F.interpolate(x, scale_factor=4, mode="bicubic", align_corners=False)


class EqualNeighbours(nn.Module):
    """Pixelated is where at least a quarter of neighbours are equal, as `Differences` shows."""

    descriptor = ClassifierDescriptor(classes=("clean", "pixelated"))

    def forward(self, x):
        equal = (x[:, 0] == 0).float().mean(dim=(1, 2))
        return torch.stack([torch.full_like(equal, 0.25), equal], dim=1) * 50


@pytest.fixture(scope="module")
def corrector():
    detector = Detector(EqualNeighbours(), REPRESENTATIONS.build("Differences"), "cpu")
    return PixelationCorrector(Restorer(Fourfold(), "cpu"), detector)


@pytest.fixture(scope="module")
def photograph():
    return np.ascontiguousarray(astronaut()[0:257, 100:401])


@pytest.mark.parametrize("factor", [2.7, 3, 4, 6])
def test_a_pixelated_picture_comes_nearer_to_the_clean_one(corrector, photograph, factor):
    small = resize_nearest(photograph, *(round(n / factor) for n in photograph.shape[:2]))
    picture = resize_nearest(small, *photograph.shape[:2])
    corrected = corrector.restore(picture)
    assert corrected.shape == picture.shape and corrected.dtype == np.uint8
    assert psnr(photograph, corrected) > psnr(photograph, picture) + 0.7


def test_a_cropped_one_stays_where_it_was(corrector, photograph):
    smooth = photograph[:240, :300]
    picture = resize_nearest(smooth[2::4, 2::4], 240, 300)
    whole = corrector.restore(picture)
    cropped = corrector.restore(np.ascontiguousarray(picture[3:, 2:]))
    assert psnr(whole[3:, 2:][20:-20, 20:-20], cropped[20:-20, 20:-20]) > 27


def test_a_clean_picture_is_the_very_same(corrector, photograph, messages):
    before = corrector.corrected
    assert corrector.restore(photograph, "photo.png") is photograph
    assert corrector.corrected == before
    assert any("photo.png: not pixelated" in line for line in messages)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_depth_and_transparency_are_kept(corrector, channels, dtype, rng):
    most = np.iinfo(dtype).max
    small = rng.integers(0, most, (40, 50, channels), dtype=dtype)
    picture = resize_nearest(small, 120, 150)
    corrected = corrector.restore(picture)
    assert corrected.shape == picture.shape and corrected.dtype == dtype
    if channels == 4:
        assert np.array_equal(corrected[..., 3], picture[..., 3])


def test_a_network_that_keeps_the_size_is_refused(corrector):
    with pytest.raises(ConfigError, match="Sharpen keeps the size"):
        PixelationCorrector(Restorer(Sharpen(), "cpu"), corrector.detector)


def test_another_size_is_refused(corrector, photograph):
    with pytest.raises(ConfigError, match="outscale"):
        corrector.restore(photograph, options=RestoreOptions(outscale=2))


def test_blocks_are_restored_without_asking_a_detector(corrector, photograph):
    picture = resize_nearest(photograph[1::3, 1::3], *photograph.shape[:2])
    asked, verdict = corrector.correct(picture)
    assert (BlockRestorer(Restorer(Fourfold(), "cpu")).restore(picture) == asked).all()
    assert verdict.verdict == "pixelated" and verdict.block == pytest.approx(3, rel=0.02)
    assert corrector.correct(photograph)[1].block is None


def test_what_would_become_too_large_is_refused(photograph):
    picture = resize_nearest(photograph[::3, ::3], *photograph.shape[:2])
    with pytest.raises(ImageTooLargeError, match="more than the 1,000 allowed"):
        BlockRestorer(Restorer(Fourfold(), "cpu"), max_pixels=1000).restore(picture)
