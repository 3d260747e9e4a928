"""What classifiers see: any picture gives the same size, and pixelation stays visible."""

import cv2
import numpy as np
import pytest

from data import REPRESENTATIONS
from data.degradations.pixelation import resize_nearest
from data.labelled import represent
from data.representations.differences import differences, liveliest

SIZES = [(1, 1), (1, 700), (40, 31), (224, 224), (225, 300), (500, 333)]


@pytest.mark.parametrize("name", REPRESENTATIONS.names())
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_picture_gives_one_size(name, size, channels, rng):
    representation = REPRESENTATIONS.build(name)
    picture = rng.integers(0, 256, (*size, channels), dtype=np.uint8)
    before = picture.copy()
    seen = represent(picture, representation)
    assert seen.shape == (representation.size, representation.size, 3)
    assert seen.dtype == np.uint8
    assert np.array_equal(picture, before)
    assert np.array_equal(seen, represent(picture, representation))


@pytest.mark.parametrize("name", REPRESENTATIONS.names())
def test_gray_is_seen_as_three_equal_channels_and_16_bit_as_8(name, rng):
    representation = REPRESENTATIONS.build(name)
    gray = rng.integers(0, 256, (260, 250, 1), dtype=np.uint8)
    seen = represent(gray, representation)
    assert np.array_equal(seen, represent(gray.repeat(3, axis=2), representation))
    assert np.array_equal(seen, represent(gray.astype(np.uint16) * 257, representation))


def test_canny_is_opencvs_with_its_thresholds(rng):
    picture = cv2.GaussianBlur(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8), (0, 0), 1)
    edges = cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 50, 150)
    seen = REPRESENTATIONS.build("CannyEdges")(picture)
    assert np.array_equal(seen, edges[16:-16, 16:-16, None].repeat(3, axis=2))
    assert not np.array_equal(seen, REPRESENTATIONS.build("CannyEdges", low=5, high=10)(picture))


def test_without_resizing_the_middle_is_seen_as_it_is_and_small_pictures_are_mirrored(rng):
    seen = REPRESENTATIONS.build("Colours", resize=None, size=8)
    picture = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    assert np.array_equal(seen(picture), picture[2:10, 6:14])
    small = picture[:5, :8]
    assert np.array_equal(seen(small), np.concatenate([small, small[:1:-1]]))
    with pytest.raises(ValueError, match="size"):
        REPRESENTATIONS.build("Colours", resize=100, size=101)


def test_differences_are_those_of_neighbours_on_a_logarithmic_scale():
    picture = np.array([[0, 1, 4], [3, 255, 4], [0, 0, 0]], np.uint8)[..., None]
    across, down = differences(picture)
    expected = np.rint(255 / 8 * np.log2(1 + np.array([[1, 3], [252, 251]])))
    assert np.array_equal(across, expected)
    assert np.array_equal(down, np.rint(255 / 8 * np.log2(1 + np.array([[3, 254], [3, 255]]))))


def test_the_largest_difference_of_the_colours_counts():
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[:, 1] = (1, 0, 7)
    assert differences(picture)[0][0, 0] == round(255 / 8 * 3)


def test_the_square_lies_where_the_detail_is(rng):
    picture = np.zeros((900, 700, 3), np.uint8)
    picture[600:900, 300:650] = rng.integers(0, 256, (300, 350, 3))
    rows, columns = liveliest(*differences(picture), 224)
    assert rows.start >= 560 and rows.stop - rows.start == 224
    assert columns.start >= 280 and columns.stop <= 699


def test_strips_are_the_whole(rng, monkeypatch):
    picture = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    whole = differences(picture)
    monkeypatch.setattr("data.representations.differences._STRIP", 7 * 30)
    for strips, expected in zip(differences(picture), whole, strict=True):
        assert np.array_equal(strips, expected)


@pytest.mark.parametrize("shape", [(90, 70), (31, 200), (8, 8), (5, 90)])
def test_no_square_on_the_grid_holds_more(rng, shape):
    across, down = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
    mean = cv2.addWeighted(across, 0.5, down, 0.5, 0)
    sums = {
        int(mean[top : top + 32, left : left + 32].sum())
        for top in {*range(0, max(1, shape[0] - 31), 8), max(0, shape[0] - 32)}
        for left in {*range(0, max(1, shape[1] - 31), 8), max(0, shape[1] - 32)}
    }
    assert mean[liveliest(across, down, 32)].sum() == max(sums)


def test_pixelation_leaves_neighbours_equal_at_regular_distances(rng):
    small = rng.integers(0, 256, (100, 120, 3), dtype=np.uint8)
    seen = REPRESENTATIONS.build("Differences")(resize_nearest(small, 300, 360))
    for channel, axis in ((0, 0), (1, 1)):
        lines = seen[..., channel].any(axis=axis)
        assert np.array_equal(np.diff(np.flatnonzero(lines)), [3] * (lines.sum() - 1))
