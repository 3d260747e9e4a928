"""The bicubic kernel against MATLAB's pictures, Pillow's kernel, and what a kernel must keep."""

import numpy as np
import pytest
import torch
from PIL import Image

from utils.images import list_images, read_image
from utils.resampling import bicubic_taps, resize_bicubic, resize_bicubic_batch, resized_bands


def test_equals_the_published_low_resolution_pictures(shared_dir):
    for path in list_images(shared_dir / "data" / "sr" / "Set5"):
        high, low = read_image(path), read_image(path.parents[1] / "Set5_x4_lr" / path.name)
        ours = resize_bicubic(high.astype(np.float32), *low.shape[:2]).clip(0, 255).round()
        difference = np.abs(ours - low)
        assert (difference <= 1).mean() > 0.99
        assert difference[2:-2, 2:-2].max() <= 2  # their edges are those of another program


@pytest.mark.parametrize("size", [(20, 31), (80, 124), (13, 90), (41, 61)])
def test_equals_pillow_away_from_the_edges(rng, size):
    # Pillow's kernel has a = -0.5 and is stretched as well; at edges it cuts where MATLAB mirrors.
    image = rng.random((40, 62, 1), dtype=np.float32)
    ours = resize_bicubic(image, *size)[..., 0]
    theirs = Image.fromarray(image[..., 0]).resize(size[::-1], Image.Resampling.BICUBIC)
    edge = tuple(slice(reach := int(np.ceil(2 * max(new / 40, 1))), -reach) for new in size)
    assert ours[edge] == pytest.approx(np.asarray(theirs)[edge], abs=1e-5)


@pytest.mark.parametrize("lengths", [(40, 10), (10, 40), (41, 13), (7, 7), (3, 2), (1, 5), (9, 1)])
def test_weights_sum_to_one_inside_the_line(lengths):
    indices, weights = bicubic_taps(*lengths)
    assert weights.sum(axis=1) == pytest.approx(1)
    assert indices.min() >= 0 and indices.max() < lengths[0]


def test_mirrors_the_edge_pixel_too():
    # x2 of a line: centres lie a quarter of a pixel off, so the first reaches pixels -2 to 1.
    indices, _ = bicubic_taps(8, 16)
    assert sorted(indices[0]) == [0, 0, 1, 1]
    assert sorted(indices[-1]) == [6, 6, 7, 7]


def test_a_batch_gives_what_its_pictures_give(rng):
    images = rng.random((2, 3, 24, 36), dtype=np.float32)
    for size in ((96, 144), (6, 9), (24, 30), (50, 36)):
        batch = resize_bicubic_batch(torch.from_numpy(images), *size)
        for image, resized in zip(images, batch, strict=True):
            alone = resize_bicubic(image.transpose(1, 2, 0), *size).transpose(2, 0, 1)
            assert resized.numpy() == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("rows", [1, 7, 40])
@pytest.mark.parametrize("size", [(13, 21), (40, 20), (90, 62), (1, 1), (40, 62)])
def test_bands_of_rows_give_the_bits_of_the_whole(rng, monkeypatch, size, rows):
    monkeypatch.setattr("utils.resampling._STRIP", 5 * 62)
    image = rng.random((40, 62, 3), dtype=np.float32)
    bands = (image[top : top + rows] for top in range(0, 40, rows))
    strips = list(resized_bands(bands, (40, 62), size))
    assert max(map(len, strips)) <= 5
    assert np.array_equal(np.concatenate(strips), resize_bicubic(image, *size))
