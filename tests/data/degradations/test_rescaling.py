"""Degradations for labelled pictures: other sizes, trimmed edges, one of several."""

import cv2
import numpy as np
import pytest

from data import DEGRADATIONS
from utils.errors import ConfigError


def picture(height=30, width=40, channels=3):
    return np.random.default_rng(5).random((height, width, channels), dtype=np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_rescale_is_opencvs(channels, rng):
    image = picture(channels=channels)
    larger = DEGRADATIONS.build("Rescale", factor=2.5, methods=["bilinear"])(image, rng)
    assert larger.shape == (75, 100, channels)
    expected = cv2.resize(image, (100, 75), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(larger, expected.reshape(75, 100, channels))
    halves = DEGRADATIONS.build("Rescale", factor=0.5)(image, rng)
    means = image.reshape(15, 2, 20, 2, channels).mean(axis=(1, 3))
    assert np.allclose(halves, means, atol=1e-6)


def test_rescale_draws_factor_and_kernel(rng):
    rescale = DEGRADATIONS.build("Rescale", factor=[0.5, 2.0])
    assert len({rescale(picture(), rng).shape for _ in range(20)}) > 10
    with pytest.raises(ValueError, match="did you mean bicubic"):
        DEGRADATIONS.build("Rescale", factor=2, methods=["bicubik"])


def test_trim_takes_edges_only_and_leaves_a_pixel(rng):
    image = picture()
    trim = DEGRADATIONS.build("Trim", most=3)
    for _ in range(20):
        trimmed = trim(image, rng)
        assert all(
            n - 6 <= kept <= n for n, kept in zip(image.shape[:2], trimmed.shape, strict=False)
        )
        assert np.isin(trimmed, image).all()
        assert min(trim(picture(1, 2), rng).shape) >= 1


def test_one_of_takes_each_as_often_as_its_share(rng):
    parts = [{"NAME": "Noise", "ARGS": {"sigma": 9}}, {"NAME": "Trim", "ARGS": {"most": 0}}]
    one = DEGRADATIONS.build("OneOf", parts=parts, shares=[0.25, 0.25])
    image = picture(2, 2)
    noisy = sum(not np.array_equal(one(image, rng), image) for _ in range(400))
    assert 70 < noisy < 130
    never = DEGRADATIONS.build("OneOf", parts=parts, shares=[0, 0])
    assert never(image, rng) is image


def test_one_of_refuses_shares_that_do_not_fit():
    part = {"NAME": "Noise", "ARGS": {"sigma": 9}}
    with pytest.raises(ValueError, match="more than 1"):
        DEGRADATIONS.build("OneOf", parts=[part, part], shares=[0.7, 0.7])
    with pytest.raises(ValueError, match="needs 1 numbers"):
        DEGRADATIONS.build("OneOf", parts=[part], shares=[0.2, 0.2])
    with pytest.raises(ConfigError, match=r"OneOf\.parts\.0\.NAME"):
        DEGRADATIONS.build("OneOf", parts=[{"NAME": "Noize"}], shares=[0.5])
