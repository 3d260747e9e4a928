"""Squares cut out of pictures and put back: places, turns, and bits that must stay."""

import cv2
import numpy as np
import pytest

from engine.regions.geometry import Square, cut, paste_change
from engine.regions.mouths import SIDE, Mouth, square_around

SQUARES = [
    Square(60.0, 50.0, 40.0),
    Square(70.3, 55.8, 61.7, 0.4),
    Square(64.0, 48.0, 45.0, -2.2),
    Square(3.0, 90.0, 50.0, 0.2),  # beyond two edges
]


@pytest.fixture
def smooth(rng):
    """A colour picture without detail that resampling could lose."""
    picture = cv2.resize(rng.random((8, 10, 3), dtype=np.float32), (130, 100), interpolation=2)
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)


def test_a_square_on_the_grid_is_a_slice(rng):
    picture = rng.integers(0, 256, (50, 60, 3), np.uint8)
    # Pixels 10 to 29 reach from 9.5 to 29.5.
    copy = cut(picture, Square(19.5, 24.5, 20.0), 20)
    assert np.array_equal(copy, picture[15:35, 10:30])


def test_corners_are_opencvs(rng):
    for _ in range(5):
        x, y, side = rng.uniform(20, 80, 3)
        angle = rng.uniform(-np.pi, np.pi)
        theirs = cv2.boxPoints(((x, y), (side, side), np.degrees(angle)))
        ours = Square(x, y, side, angle).corners()
        distance = np.linalg.norm(ours[:, None] - theirs[None], axis=2).min(axis=1)
        assert distance.max() < 1e-3


@pytest.mark.parametrize("square", SQUARES[:3])
@pytest.mark.parametrize("size", [32, 128])
def test_a_cut_is_what_opencvs_perspective_warp_gives(smooth, square, size):
    """From corners alone, by another way: pixels reach half a pixel beyond their centres."""
    ends = (-0.5, size - 0.5)
    edge = np.float32([(ends[0], ends[0]), (ends[1], ends[0]), (ends[1], ends[1]), ends])
    matrix = cv2.getPerspectiveTransform(square.corners().astype(np.float32), edge)
    expected = cv2.warpPerspective(smooth.astype(np.float32), matrix, (size, size))
    difference = np.abs(cut(smooth, square, size) - expected)
    assert difference.mean() < 1 and difference.max() < 12


def test_a_square_outside_has_the_nearest_edge_and_changes_nothing(smooth):
    square = Square(59.5, -80.5, 40.0)
    copy = cut(smooth, square, 40)
    assert np.array_equal(copy, np.broadcast_to(copy[:1], copy.shape))
    assert np.array_equal(copy[0], smooth[0, 40:80])
    assert np.array_equal(paste_change(smooth, square, copy, copy // 2, 0.1), smooth)


def test_what_is_around_the_square_does_not_matter(rng):
    picture = rng.integers(0, 256, (400, 600, 3), np.uint8)
    square = Square(300.4, 200.7, 90.0, 0.3)
    rows, columns = slice(100, 301), slice(200, 401)
    part = Square(square.x - 200, square.y - 100, square.side, square.angle)
    ours, expected = cut(picture, square, 64), cut(picture[rows, columns], part, 64)
    assert np.abs(ours.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("square", SQUARES)
def test_what_did_not_change_keeps_its_bits(rng, square):
    for dtype in (np.uint8, np.uint16):
        picture = rng.integers(0, np.iinfo(dtype).max, (100, 130, 3), dtype, endpoint=True)
        copy = cut(picture, square, SIDE)
        assert copy.dtype == dtype
        assert np.array_equal(paste_change(picture, square, copy, copy, 0.15), picture)


@pytest.mark.parametrize("square", SQUARES)
@pytest.mark.parametrize("feather", [0.0, 0.15, 0.5])
def test_pixels_outside_the_square_keep_their_bits(rng, square, feather):
    picture = rng.integers(0, 256, (100, 130, 3), np.uint8)
    before = cut(picture, square, 48)
    after = rng.integers(0, 256, before.shape, np.uint8)
    original = picture.copy()
    result = paste_change(picture, square, before, after, feather)
    assert np.array_equal(picture, original)
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, np.rint(square.corners() * 16).astype(int), 1, shift=4)
    inside = cv2.dilate(inside, np.ones((3, 3), np.uint8)).astype(bool)
    assert np.array_equal(result[~inside], picture[~inside])
    assert (result[inside] != picture[inside]).mean() > 0.2


@pytest.mark.parametrize("square", SQUARES[:3])
@pytest.mark.parametrize("size", [32, 128])
def test_a_change_lands_where_it_was_made(smooth, square, size):
    """Cut out again, the changed picture is the changed copy, where nothing fades."""
    before = cut(smooth, square, size)
    y, x = np.mgrid[0:size, 0:size] / size
    bump = 40 * np.exp(-((x - 0.6) ** 2 + (y - 0.4) ** 2) / 0.01)[..., None]
    after = np.rint((before * 0.8 + bump).clip(0, 255)).astype(np.uint8)
    again = cut(paste_change(smooth, square, before, after, 0.1), square, size)
    inner = slice(size // 8, -size // 8)
    difference = np.abs(again[inner, inner].astype(int) - after[inner, inner])
    assert difference.mean() < 1 and difference.max() <= 6


def test_a_change_fades_towards_the_edges():
    picture = np.full((100, 100, 1), 100, np.uint8)
    square = Square(49.5, 49.5, 60.0)
    before = cut(picture, square, 60)
    result = paste_change(picture, square, before, before + 100, 0.25)[..., 0].astype(int)
    row = result[50, 20:80]
    assert row[0] <= 101 and row[30] == 200
    assert (np.diff(row[:30]) >= 0).all() and np.diff(row[:30]).max() < 15
    assert np.array_equal(row, row[::-1]) and np.array_equal(result, result.T)


def test_detail_that_a_copy_cannot_hold_stays(rng):
    picture = rng.integers(50, 200, (300, 300, 3), np.uint8)
    square = Square(150.0, 150.0, 256.0)
    before = cut(picture, square, 64)
    result = paste_change(picture, square, before, before + 10, 0.1)
    assert set(np.unique(result[100:200, 100:200].astype(int) - picture[100:200, 100:200])) == {10}


def test_the_square_of_a_mouth_has_its_width_and_margin():
    square = square_around(Mouth(np.array([(40.0, 60.0), (80.0, 60.0)]), 100.0))
    assert (square.x, square.y, square.angle) == (60, 60, 0)
    assert square.side == pytest.approx(40 * 1.8)
    profile = square_around(Mouth(np.array([(60.0, 60.0), (61.0, 60.0)]), 100.0))
    assert profile.side == pytest.approx(30 * 1.8)


def test_more_points_than_corners_shift_the_square_to_their_middle():
    points = np.array([(40.0, 60.0), (80.0, 60.0), (60.0, 52.0), (60.0, 84.0)])
    square = square_around(Mouth(points, 100.0))
    assert (square.x, square.y) == pytest.approx((60, 68))


@pytest.mark.parametrize("degrees", [10, 45, 90, 180, -120])
def test_a_turned_mouth_has_a_turned_square(degrees):
    points = np.array([(40.0, 60.0), (80.0, 58.0), (60.0, 52.0), (60.0, 84.0)])
    matrix = cv2.getRotationMatrix2D((64, 64), -degrees, 1)  # OpenCV's angles run the other way
    turned = points @ matrix[:, :2].T + matrix[:, 2]
    upright, other = (square_around(Mouth(p, 100.0)) for p in (points, turned))
    expected = upright.corners() @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(other.corners(), expected, atol=1e-6)
