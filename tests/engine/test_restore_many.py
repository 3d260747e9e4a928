"""Pictures that are alike go through the network together, and come out as they do alone."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling.descriptor import Descriptor
from tests.modeling.small_architectures import small
from utils.errors import ImageError

NAMES = ["a.png", "b.png", "c.png"]


class Plain(nn.Module):
    """Adds noise-free contrast, remembers what it is given, and has memory for so many pixels."""

    def __init__(self, channels=0, most=10**9):
        super().__init__()
        self.descriptor = Descriptor(channels=channels, receptive_field=1)
        self.most = most
        self.given = []

    def forward(self, x):
        if x.shape[0] * x.shape[-2] * x.shape[-1] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.given.append(tuple(x.shape))
        return 0.3 + x * x


def alike(rng, channels=3, dtype=np.uint8, size=(20, 31)):
    shape = (*size, channels)
    return [rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype) for _ in NAMES]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("takes", [0, 1, 3])
def test_one_batch_gives_what_each_alone_gives(rng, dtype, channels, takes):
    images = alike(rng, channels, dtype)
    restorer = Restorer(Plain(takes), "cpu")
    together = restorer.restore_many(images, NAMES)
    assert [given[0] for given in restorer.model.given] == [3]
    for image, restored in zip(images, together, strict=True):
        assert np.array_equal(restored, restorer.restore(image)) and restored.dtype == dtype


@pytest.mark.parametrize("name", ["UNet", "LowLightNet", "MIRNet", "SRResNet", "Retinexformer"])
def test_networks_give_the_same_level_or_the_next(rng, name):
    images = alike(rng)
    restorer = Restorer(small(name), "cpu")
    for image, restored in zip(images, restorer.restore_many(images, NAMES), strict=True):
        alone = restorer.restore(image).astype(int)
        assert restored.shape == alone.shape and np.abs(restored - alone).max() <= 1


@pytest.mark.parametrize(
    "options",
    [
        RestoreOptions(tile=16),
        RestoreOptions(self_ensemble=True),
        RestoreOptions(outscale=2.5),
    ],
)
def test_what_cannot_share_a_batch_goes_one_by_one(rng, options):
    images = alike(rng)
    restorer = Restorer(Plain(), "cpu")
    together = restorer.restore_many(images, NAMES, options)
    assert all(given[0] == 1 for given in restorer.model.given)
    for image, restored in zip(images, together, strict=True):
        assert np.array_equal(restored, restorer.restore(image, options=options))


def test_no_more_share_a_batch_than_memory_suffices_for(rng, monkeypatch):
    images = alike(rng, size=(200, 210))
    restorer = Restorer(Plain(most=2 * 200 * 210), "cpu")
    for _ in range(2):
        together = restorer.restore_many(images, NAMES)
        assert all(
            np.array_equal(restored, restorer.restore(image))
            for image, restored in zip(images, together, strict=True)
        )
    batches = [given[0] for given in restorer.model.given if given[-2:] == (200, 210)]
    # What three together did not fit is found out once, and remembered.
    assert 3 not in batches and 2 in batches
    monkeypatch.setattr("engine.tile_choice.available_bytes", lambda device: 3_000_000)
    frugal = Restorer(Plain(), "cpu")
    frugal.restore_many(images, NAMES)
    assert all(given[0] == 1 for given in frugal.model.given)


def test_refusals_name_the_picture(rng):
    restorer = Restorer(Plain(), "cpu")
    images = alike(rng)
    with pytest.raises(ValueError, match="equal size"):
        restorer.restore_many([*images[:2], images[2][:-1]], NAMES)
    with pytest.raises(ImageError, match=r"b\.png: has values of type float"):
        restorer.restore_many([images[0], images[1] / 2, images[2]], NAMES)
    images = [np.zeros((4, 4, 1), np.uint8) + level for level in (9, 0, 9)]
    restorer.model.forward = lambda x: 1 / x
    with pytest.raises(ImageError, match=r"b\.png: the model gave values that are not finite"):
        restorer.restore_many([image.astype(np.uint8) for image in images], NAMES)
    assert restorer.restore_many([], []) == []
