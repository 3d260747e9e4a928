"""What needs no training: equal to other libraries' values, and usable wherever a network is."""

import cv2
import numpy as np
import pytest
from skimage.exposure import adjust_gamma, equalize_hist

from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling import ARCHITECTURES
from utils.images import to_tensor, to_uint8


@pytest.fixture
def dark(rng):
    """A dark colour picture, some of it black."""
    picture = rng.gamma(2.0, 15.0, (57, 43, 3)).clip(0, 255).astype(np.uint8)
    picture[:5, :5] = 0
    return picture


def restored(name, picture, **arguments):
    model = ARCHITECTURES.build(name, **arguments).eval()
    return to_uint8(model(to_tensor(picture)[None]))[0]


@pytest.mark.parametrize("exponent", [0.4, 1.0, 2.2])
def test_gamma_is_scikit_images(dark, exponent):
    expected = adjust_gamma(dark.astype(np.float64) / 255, exponent) * 255
    ours = restored("Gamma", dark, exponent=exponent)
    assert np.abs(ours - expected).max() <= 0.501


def test_gamma_refuses_an_exponent_that_is_none():
    with pytest.raises(ValueError, match="exponent is 0; it must be above 0"):
        ARCHITECTURES.build("Gamma", exponent=0)


def test_equalised_gray_is_opencvs_to_the_bit(dark):
    gray = dark[..., :1]
    ours = restored("HistogramEqualization", gray)
    assert np.array_equal(ours[..., 0], cv2.equalizeHist(gray[..., 0]))


def test_equalised_gray_is_near_scikit_images(dark):
    """Which does not bring the darkest level to 0, so that the levels above it differ a little."""
    gray = dark[..., :1]
    ours = restored("HistogramEqualization", gray).astype(float)
    theirs = equalize_hist(gray[..., 0], nbins=256) * 255
    darkest = (gray == gray.min()).mean() * 255
    assert np.abs(ours[..., 0] - theirs).max() <= darkest + 1


def test_equalised_colour_has_opencvs_value_and_its_own_hue_and_saturation(dark):
    ours = restored("HistogramEqualization", dark).astype(np.float64)
    value = dark.max(axis=2)
    assert np.array_equal(ours.max(axis=2), cv2.equalizeHist(value))
    shares = dark / np.maximum(value, 1)[..., None]  # of the largest channel: hue and saturation
    assert np.abs(ours - shares * ours.max(axis=2, keepdims=True)).max() <= 0.501


@pytest.mark.parametrize("level", [0, 1, 77, 255])
def test_a_picture_of_one_level_stays_as_it_is(level):
    flat = np.full((6, 7, 3), level, np.uint8)
    assert np.array_equal(restored("HistogramEqualization", flat), flat)


def test_sixteen_bits_do_not_get_bands():
    ramp = np.linspace(2000, 6000, 64 * 64).astype(np.uint16).reshape(64, 64, 1)
    model = ARCHITECTURES.build("HistogramEqualization").eval()
    ours = model(to_tensor(ramp)[None]).flatten()
    assert (ours.diff() > -1e-6).all()
    assert len(ours.unique()) > 0.9 * len(np.unique(ramp))  # 16 levels of 8 bits


@pytest.mark.parametrize("name", ["Gamma", "HistogramEqualization"])
def test_a_restorer_gives_the_same_in_tiles(dark, name):
    restorer = Restorer(ARCHITECTURES.build(name), "cpu")
    whole = restorer.restore(dark)
    assert np.array_equal(whole, restored(name, dark))
    assert np.array_equal(restorer.restore(dark, options=RestoreOptions(tile=16)), whole)
    assert restorer.restore(dark[..., :1]).shape == (57, 43, 1)
