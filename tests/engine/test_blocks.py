"""The grid of pixelated pictures against the one they were made with."""

import numpy as np
import pytest
from skimage.data import astronaut

from data import DEGRADATIONS
from data.degradations.pixelation import resize_nearest
from engine.blocks import find_grid, shrink

FACTORS = (1.5, 1.83, 2, 2.5, 3, 3.7, 4, 6, 8, 16)


@pytest.fixture(scope="module")
def photograph():
    return astronaut()[40:300, 100:410]


def pixelated(photograph, factor):
    small = resize_nearest(photograph, *(round(n / factor) for n in photograph.shape[:2]))
    return small, resize_nearest(small, *photograph.shape[:2])


@pytest.mark.parametrize("factor", FACTORS)
def test_blocks_become_the_pixels_that_they_were(photograph, factor):
    small, picture = pixelated(photograph, factor)
    rows, columns = find_grid(picture)
    assert np.array_equal(shrink(picture, rows, columns), small)
    assert columns.size == pytest.approx(factor, rel=0.02)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_a_cropped_picture_has_its_grid_where_it_was(photograph, factor):
    _, picture = pixelated(photograph[: 32 * factor, : 35 * factor], factor)
    rows, columns = find_grid(picture[1:, factor - 1 :])
    assert (rows.size, columns.size) == pytest.approx((factor, factor), rel=0.02)
    assert rows.before_edge == pytest.approx(1, abs=0.6)
    assert columns.before_edge == pytest.approx(factor - 1, abs=0.6)


@pytest.mark.parametrize("factor", [2, 2.5, 3.3, 4, 6, 8])
def test_jpegs_own_blocks_are_not_taken_for_the_pictures(photograph, factor, rng):
    picture = pixelated(photograph, factor)[1].astype(np.float32) / 255
    stored = DEGRADATIONS.build("JPEG", quality=75)(picture, rng)
    grids = find_grid(np.rint(stored * 255).astype(np.uint8))
    assert [grid.size for grid in grids] == pytest.approx([factor] * 2, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 1), (2, 3, 3), (9, 200, 3)])
def test_any_size_has_an_answer(shape, rng):
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    small = shrink(picture, *find_grid(picture))
    assert small.size and small.shape[2] == shape[2] and small.dtype == np.uint8


def test_a_block_is_its_mean_at_any_depth(rng):
    picture = rng.integers(0, 65536, (90, 120, 3), dtype=np.uint16)
    mosaic = resize_nearest(picture[:30, :40], 90, 120)
    grids = find_grid((mosaic >> 8).astype(np.uint8))
    assert np.array_equal(shrink(mosaic, *grids), picture[:30, :40])
    noisy = mosaic // 2 + rng.integers(0, 90, mosaic.shape, dtype=np.uint16)
    means = noisy.reshape(30, 3, 40, 3, 3).mean(axis=(1, 3))
    assert np.abs(shrink(noisy, *grids) - means).max() <= 0.5
