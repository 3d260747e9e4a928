"""Tiles become the picture they were cut from."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from engine.tiling import Tiling, count_pieces, exact_overlap, restored_pieces, spans_of
from modeling.descriptor import Descriptor
from tests.modeling.small_architectures import NAMES, small


def assembled(image, tiling, scale=1, restore=None):
    """What the pieces give, and how often each pixel was given."""
    whole = F.interpolate(image[None], scale_factor=scale)[0]
    result, times = torch.zeros_like(whole), torch.zeros(whole.shape[1:])

    def enlarge(rows, columns):
        return F.interpolate(image[None, :, rows, columns], scale_factor=scale)[0]

    pieces = list(restored_pieces(restore or enlarge, image.shape[1:], tiling, scale))
    assert len(pieces) == count_pieces(image.shape[1:], tiling)
    for place, piece in pieces:
        result[:, *place] = piece
        times[place] += 1
    assert bool((times == 1).all())
    return result, whole


MEASURES = [
    (8, 0, 0, 1),
    (8, 8, 0, 8),
    (16, 8, 8, 4),
    (7, 5, 3, 1),
    (24, 16, 12, 8),
    (500, 8, 8, 8),
]


@pytest.mark.parametrize("measures", MEASURES)
@pytest.mark.parametrize("size", [(40, 61), (17, 8), (1, 1), (65, 129), (9, 100)])
@pytest.mark.parametrize("scale", [1, 3])
def test_pieces_cover_the_picture_once_and_shares_add_up(measures, size, scale):
    image = torch.rand(2, *size)
    result, whole = assembled(image, Tiling(*measures), scale)
    torch.testing.assert_close(result, whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("length", "multiple"), [*product([1, 16, 33, 200, 1025], [1, 8, 16])])
def test_tiles_start_on_the_grid_and_stay_within_bounds(length, multiple):
    tiling = Tiling(64, 32, 0, multiple)
    spans = spans_of(length, tiling)
    for span in spans:
        assert span.window.start % multiple == 0
        assert span.first % multiple == 0
        assert span.window.stop == length or span.window.stop % multiple == 0
        assert span.window.stop - span.window.start <= tiling.window
    assert spans[-1].last == length


def test_neighbours_are_blended_linearly():
    restored = iter([0.0, 1.0])
    ramped, _ = assembled(
        torch.zeros(1, 4, 32),
        Tiling(16, 8, 4),
        restore=lambda rows, columns: torch.full(
            (1, rows.stop - rows.start, columns.stop - columns.start), next(restored)
        ),
    )
    expected = [0.0] * 12 + [(i + 0.5) / 8 for i in range(8)] + [1.0] * 12
    assert ramped[0].tolist() == [expected] * 4


def smooth_and_rough(rng, size, channels):
    """A picture with structure at every distance."""
    fine = rng.uniform(0, 1, (*size, channels))
    rows, columns = np.mgrid[: size[0], : size[1]]
    waves = 0.5 + 0.5 * np.sin(rows / 9 + columns / 13)[..., None]
    return np.rint(255 * (0.5 * fine + 0.5 * waves)).astype(np.uint8)


def restored_whole_and_tiled(restorer, image, tile, overlap=None):
    """As float, before clamping hides anything."""
    size, scale = image.shape[:2], restorer.descriptor.scale
    whole = torch.zeros(image.shape[2], size[0] * scale, size[1] * scale)
    tiled = whole.clone()
    ways = restorer._chooser.whole(size), restorer._chooser.tiling(tile, overlap)
    assert count_pieces(size, ways[1]) > 1
    for tiling, result in zip(ways, (whole, tiled), strict=True):
        for place, piece in restorer._pieces(tiling, image, "picture"):
            result[:, *place] = piece
    return whole, tiled


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_gives_in_tiles_what_it_gives_whole(rng, name):
    restorer = Restorer(small(name), "cpu")
    if not restorer._network.local:
        pytest.skip("looks at the whole picture")
    overlap = exact_overlap(restorer.descriptor)
    tile = overlap + 16
    image = smooth_and_rough(rng, (2 * tile - 11, 2 * tile - 3), 3)  # odd; four tiles
    whole, tiled = restored_whole_and_tiled(restorer, image, tile)
    assert whole.std() > 1e-3
    tolerance = 1e-4 * max(1, whole.abs().max().item())
    assert (whole - tiled).abs().max() < tolerance
    if overlap:
        _, torn = restored_whole_and_tiled(restorer, image, tile, 0)
        assert (whole - torn).abs().max() > 10 * tolerance  # the test can fail
    one, other = (
        restorer.restore(image, name, RestoreOptions(tile=side)).astype(int) for side in (999, tile)
    )
    assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize(
    "size", [(300, 201), (61, 300), (40, 30)], ids=["larger", "narrow", "smaller"]
)
def test_glare_is_removed_in_tiles_as_in_the_whole_picture(rng, size):
    """Larger and smaller than the size at which GlareNet looks at the whole."""
    restorer = Restorer(small("GlareNet"), "cpu")
    whole, tiled = restored_whole_and_tiled(restorer, smooth_and_rough(rng, size, 3), 16)
    assert whole.std() > 1e-3
    assert (whole - tiled).abs().max() < 1e-5 * max(1, whole.abs().max().item())


class Brighten(nn.Module):
    """Adds the mean of all it sees."""

    descriptor = Descriptor(channels=0, global_context=True, receptive_field=1)

    def forward(self, x):
        return 0.5 * x + 0.5 * x.mean(dim=(1, 2, 3), keepdim=True)


def test_what_global_context_changes_is_measured_and_reported(messages):
    image = np.zeros((64, 128, 1), np.uint8)
    image[:, 64:] = 200
    restorer = Restorer(Brighten(), "cpu")
    whole = restorer.restore(image).astype(int)
    tiled = restorer.restore(image, "half.png", RestoreOptions(tile=64)).astype(int)
    assert 30 < np.abs(tiled - whole).max() < 50  # 50 without what the overlap adds
    assert np.array_equal(tiled, tiled[:1].repeat(64, axis=0))
    (message,) = messages
    assert "Brighten looks at the whole picture" in message
    assert "half.png" in message
    restorer.restore(image, "again.png", RestoreOptions(tile=64))
    assert len(messages) == 1  # once


def test_an_overlap_below_the_receptive_field_is_blended_and_reported(rng, messages):
    image = smooth_and_rough(rng, (96, 96), 3)
    restorer = Restorer(small("UNet"), "cpu")
    whole, tiled = restored_whole_and_tiled(restorer, image, 32, 16)
    _, torn = restored_whole_and_tiled(restorer, image, 32, 0)
    assert (tiled - whole).abs().mean() < (torn - whole).abs().mean()
    restorer.restore(image, "a.png", RestoreOptions(tile=32, tile_overlap=16))
    assert "less than the receptive field" in messages[0]
