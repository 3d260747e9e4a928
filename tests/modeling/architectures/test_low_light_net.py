"""LowLightNet: the exposure it starts from, and what its output depends on."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling import ARCHITECTURES
from tests.modeling.small_architectures import SMALL


def _without_correction() -> nn.Module:
    model = ARCHITECTURES.build("LowLightNet", **SMALL["LowLightNet"]).eval()
    nn.init.zeros_(model.body.ending.weight)
    nn.init.zeros_(model.body.ending.bias)
    return model


@torch.inference_mode()
def test_without_a_correction_it_is_reinhards_operator():
    x = torch.rand(2, 3, 7, 10) * torch.tensor([0.9, 0.05]).view(2, 1, 1, 1)
    output = _without_correction()(x)
    for picture, exposed in zip(x.double(), output.double(), strict=True):
        luminance = 0.3 / (picture.mean() + 0.01) * picture
        torch.testing.assert_close(exposed, luminance / (1 + luminance), atol=1e-6, rtol=0)


@torch.inference_mode()
def test_dark_and_very_dark_pictures_start_alike():
    model, x = _without_correction(), torch.rand(1, 3, 16, 16)
    light, dark = model(0.8 * x), model(0.2 * x)
    assert (light - dark).abs().max() < 0.03 < (0.8 * x - 0.2 * x).abs().max()


def test_tiles_are_exposed_as_the_whole_picture_is():
    """Where one half is dark and the other is not, each tile by itself would be as bright."""
    picture = np.full((64, 128, 3), 6, np.uint8)
    picture[:, 64:] = 150
    restorer = Restorer(_without_correction(), "cpu")
    whole, tiled = (
        restorer.restore(picture, options=RestoreOptions(tile=side)).astype(int)
        for side in (128, 32)
    )
    assert np.abs(whole - tiled).max() <= 1
    assert np.abs(whole[:, :64] - restorer.restore(picture[:, :64])).min() > 20  # it could fail


@torch.inference_mode()
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_pictures_give_finite_values(level):
    model = ARCHITECTURES.build("LowLightNet", **SMALL["LowLightNet"]).eval()
    assert model(torch.full((1, 3, 5, 6), level)).isfinite().all()
