"""Glare: its measured look, its composition, its randomness."""

import numpy as np
import pytest

from data.degradations.glare import Glare, compose
from data.registries import DEGRADATIONS


@pytest.fixture(scope="module")
def gray_picture() -> np.ndarray:
    """Gray levels of a print: dark, middle and bright fields, each larger than any text."""
    fields = np.random.default_rng(5).uniform(0.05, 0.9, (8, 8))
    return np.kron(fields, np.ones((32, 32))).astype(np.float32)[..., None]


def test_no_pixel_gets_darker_and_the_range_holds(gray_picture):
    for seed in range(20):
        lit = Glare()(gray_picture, np.random.default_rng(seed))
        assert lit.shape == gray_picture.shape and lit.dtype == np.float32
        assert (lit >= gray_picture).all() and lit.max() <= 1


def test_pictures_are_as_bad_as_sd1s(gray_picture):
    """SD1's five measured pairs: L1 about 0.097, 17.5 dB, 80 to 90 % of the frame veiled."""
    glare = Glare()
    added = [glare(gray_picture, np.random.default_rng(s)) - gray_picture for s in range(150)]
    l1 = np.mean([d.mean() for d in added])
    psnr = np.mean([-10 * np.log10((d**2).mean()) for d in added])
    lifted = np.mean([(d > 0.02).mean() for d in added])
    assert 0.08 <= l1 <= 0.11
    assert 16.5 <= psnr <= 19
    assert lifted >= 0.8


def test_falloff_follows_the_measured_profile():
    """Median light falls with distance from the brightest place as SYSTEM figures for SD1 do."""
    size, glare = 256, Glare(variation=0)
    y, x = np.mgrid[0:size, 0:size] / size
    near, far = [], []
    for seed in range(60):
        light = glare.light(size, size, np.random.default_rng(seed))
        row, column = np.unravel_index(light.argmax(), light.shape)
        r = np.hypot(x - column / size, y - row / size)
        near.append(np.median(light[(r > 0.1) & (r < 0.15)]))
        far.append(np.median(light[(r > 0.5) & (r < 0.7)]))
    # d = L (1 - 0.7 g) at usual g: 0.38 and 0.026 measured, L between 1 and 1.5 times that.
    assert 0.3 <= np.median(near) <= 0.6
    assert 0.02 <= np.median(far) <= 0.06


def test_bright_paper_gains_less_than_dark_ink():
    light = np.full((4, 4, 1), 0.3, np.float32)
    dark, bright = np.full((2, 4, 4, 1), [[[[0.1]]], [[[0.8]]]], np.float32)
    gains = []
    for seed in range(40):
        gains.append(
            [
                (compose(picture, light, np.random.default_rng(seed)) - picture).mean()
                for picture in (dark, bright)
            ]
        )
    dark_gain, bright_gain = np.mean(gains, axis=0)
    assert dark_gain > 1.3 * bright_gain


def test_same_light_at_every_resolution():
    """The light is defined in picture widths, so a larger picture shows the same scene."""
    small = Glare().light(128, 128, np.random.default_rng(3))
    large = Glare().light(512, 512, np.random.default_rng(3))
    shrunk = large.reshape(128, 4, 128, 4).mean(axis=(1, 3))
    assert np.abs(shrunk - small).mean() < 0.01


def test_light_is_white_so_colour_and_gray_agree():
    gray = np.random.default_rng(0).uniform(0, 1, (64, 64, 1)).astype(np.float32)
    from_gray = Glare()(gray, np.random.default_rng(9))
    from_color = Glare()(np.repeat(gray, 3, axis=2), np.random.default_rng(9))
    np.testing.assert_allclose(from_color, np.repeat(from_gray, 3, axis=2), atol=1e-6)


def test_drawn_from_the_generator_alone(gray_picture):
    np.random.seed(0)
    first = Glare()(gray_picture, np.random.default_rng(4))
    np.random.seed(1)
    np.testing.assert_array_equal(first, Glare()(gray_picture, np.random.default_rng(4)))
    assert not np.array_equal(first, Glare()(gray_picture, np.random.default_rng(5)))


@pytest.mark.parametrize("arguments", [{"strength": 0.0}, {"variation": -1.0}])
def test_refuses_impossible_arguments(arguments):
    with pytest.raises(ValueError, match="strength"):
        DEGRADATIONS.build("Glare", **arguments)
