"""Mouths restored in their pictures: what changes, and what must not."""

import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from engine.regions.mouths import Mouth
from engine.regions.restore import MouthRestorer
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling import ARCHITECTURES
from modeling.descriptor import Descriptor
from utils.errors import ConfigError


class Lighter(nn.Module):
    """A quarter of the way to white."""

    def __init__(self, channels=3, scale=1):
        super().__init__()
        self.descriptor = Descriptor(channels=channels, scale=scale)

    def forward(self, x):
        return 0.75 * x + 0.25


class Here:
    """Finds mouths where it was told."""

    def __init__(self, *places):
        self.mouths = [Mouth(np.array([(x - 15.0, y), (x + 15.0, y)]), 60.0) for x, y in places]

    def find(self, image):
        assert image.dtype == np.uint8 and image.shape[2] == 3
        return self.mouths


def lighter(detector, **arguments):
    return MouthRestorer(Restorer(Lighter(**arguments), "cpu"), detector)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_mouths_change_and_all_else_keeps_its_bits(rng, dtype, channels):
    peak = np.iinfo(dtype).max
    picture = rng.integers(0, peak, (120, 200, channels), dtype, endpoint=True)
    original = picture.copy()
    result = lighter(Here((50, 60), (150, 40))).restore(picture)
    assert np.array_equal(picture, original)
    assert result.shape == picture.shape and result.dtype == dtype
    assert np.array_equal(result[..., 3:], picture[..., 3:])
    changed = (result != picture)[..., :3].any(axis=2)
    expected = np.zeros_like(changed)
    for x, y in ((50, 60), (150, 40)):  # squares of 54 pixels
        expected[y - 27 : y + 28, x - 27 : x + 28] = True
        middle = (slice(y - 15, y + 15), slice(x - 15, x + 15), slice(0, min(channels, 3)))
        ours, wanted = result[middle] / peak, 0.75 * (picture[middle] / peak) + 0.25
        assert np.abs(ours - wanted).mean() < 0.06  # noise is finer than 128 pixels can hold
    assert not (changed & ~expected).any()
    assert changed[expected].mean() > 0.8


def test_a_real_portrait_changes_around_its_mouth_only(detector, portrait):
    result = lighter(detector).restore(portrait)
    rows, columns = np.nonzero((result != portrait).any(axis=2))
    assert 170 < columns.min() < columns.max() < 275 and 90 < rows.min() < rows.max() < 205
    inside = result[140:156, 212:232].astype(int) - portrait[140:156, 212:232]
    assert inside.mean() > 10


def test_a_picture_without_a_face_is_left_as_it_is_and_told(detector, messages):
    picture = skimage.data.coffee()
    result = lighter(detector).restore(picture, "coffee.png")
    assert np.array_equal(result, picture)
    assert messages == ["coffee.png: no face was found; it is left as it is"]


def test_a_video_tells_of_its_first_frame_without_a_face(messages):
    restorer = lighter(Here())
    for frame in range(1, 4):
        restorer.restore(np.zeros((9, 9, 3), np.uint8), f"clip.mp4 (frame {frame})")
    restorer.restore(np.zeros((9, 9, 3), np.uint8), "other.png")
    assert [message.partition(":")[0] for message in messages] == [
        "clip.mp4 (frame 1)",
        "other.png",
    ]


@torch.no_grad()
def test_gray_goes_through_a_colour_network(portrait, yunet):
    gray = portrait[..., 1:2]
    model = ARCHITECTURES.build("MouthNet", widths=[4, 4], blocks=[1, 1])
    nn.init.constant_(model.head.bias, 0.1)
    result = MouthRestorer(Restorer(model, "cpu"), yunet).restore(gray)
    assert result.shape == gray.shape
    assert 20 <= int(result[148, 222, 0]) - int(gray[148, 222, 0]) <= 30


def test_what_would_change_the_size_is_refused(portrait):
    with pytest.raises(ConfigError, match="Lighter enlarges 2 times"):
        lighter(Here(), scale=2)
    with pytest.raises(ConfigError, match="outscale: a region"):
        lighter(Here()).restore(portrait, options=RestoreOptions(outscale=2))
