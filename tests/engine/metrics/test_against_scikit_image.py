"""PSNR and SSIM agree with scikit-image on RGB, gray and luma, picture by picture."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from engine.metrics import L1, PSNR, SSIM
from utils.images import to_tensor

TOLERANCE = 1e-4


def their_ssim(a, b):
    return structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )


def flat_and_bright(rng):
    target = np.full((40, 50, 3), 253, np.uint8)
    target[10:20, 10:30] = 252
    return target - rng.integers(0, 2, target.shape, dtype=np.uint8), target


def noise(rng):
    return tuple(rng.integers(0, 256, (2, 37, 53, 3), dtype=np.uint8))


def photograph(rng):
    target = data.astronaut()[100:301, 50:201]
    spoilt = target * 0.7 + 40 + rng.normal(0, 9, target.shape)
    return spoilt.clip(0, 255).round().astype(np.uint8), target


def dark(rng):
    return tuple(rng.integers(0, 4, (2, 32, 32, 3), dtype=np.uint8))


PAIRS = pytest.mark.parametrize("make", [flat_and_bright, noise, photograph, dark])


def figures(metric, output, target):
    return metric.update(to_tensor(output)[None], to_tensor(target)[None]).item()


@PAIRS
@pytest.mark.parametrize("channels", [3, 1], ids=["RGB", "gray"])
@pytest.mark.parametrize("border", [0, 5])
def test_channels(rng, make, channels, border):
    output, target = (image[..., :channels] for image in make(rng))
    kept = slice(border, -border or None)
    a, b = output[kept, kept], target[kept, kept]
    psnr = figures(PSNR(crop_border=border), output, target)
    assert psnr == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255), abs=TOLERANCE)
    ssim = figures(SSIM(crop_border=border), output, target)
    assert ssim == pytest.approx(their_ssim(a, b), abs=TOLERANCE)
    l1 = figures(L1(crop_border=border), output, target)
    assert l1 == pytest.approx(np.abs(a.astype(float) - b).mean() / 255, abs=1e-9)


@PAIRS
def test_luma(rng, make):
    output, target = make(rng)
    # scikit-image's Y is BT.601 studio swing as well, 16 to 235, but not rounded.
    a, b = (np.rint(rgb2ycbcr(image)[..., :1]) for image in (output, target))
    psnr = figures(PSNR(y_channel=True), output, target)
    assert psnr == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255), abs=TOLERANCE)
    ssim = figures(SSIM(y_channel=True), output, target)
    assert ssim == pytest.approx(their_ssim(a, b), abs=TOLERANCE)


def test_constant_pictures_at_the_top(rng):
    white = np.full((20, 20, 3), 255, np.uint8)
    assert figures(SSIM(), white, white) == pytest.approx(1.0, abs=1e-9)
    assert figures(SSIM(), white - 1, white) == pytest.approx(
        their_ssim(white - 1, white), abs=1e-6
    )


def test_a_batch_gives_what_its_pictures_give(rng):
    output, target = rng.random((2, 5, 3, 40, 30), dtype=np.float32)
    output, target = torch.from_numpy(output), torch.from_numpy(target)
    for metric in (L1(), PSNR(), SSIM(), PSNR(y_channel=True), SSIM(2, True)):
        batched = metric.update(output, target)
        single = [metric.update(a[None], b[None]) for a, b in zip(output, target, strict=True)]
        assert batched.shape == (5,)
        assert torch.allclose(batched, torch.cat(single), atol=1e-12)


def test_big_pictures_are_measured_in_parts(rng, monkeypatch):
    output, target = photograph(rng)
    whole = figures(SSIM(), output, target)
    monkeypatch.setattr("engine.metrics.ssim._PIXELS_AT_ONCE", 1)
    assert figures(SSIM(), output, target) == pytest.approx(whole, abs=1e-12)
