"""The same network by convolutions in C."""

import pytest
import torch
from torch import nn

from layers.activation import PReLU
from layers.native import library
from layers.native.convolution import NativeConvolution
from modeling.build import build_architecture
from modeling.folding import folded
from modeling.native import with_native_convolutions
from tests.modeling.small_architectures import NAMES, small

pytestmark = pytest.mark.skipif(not library.is_available(), reason="nothing can be compiled")


def natives(model):
    return [module for module in model.modules() if isinstance(module, NativeConvolution)]


def worst(model, picture):
    native = with_native_convolutions(folded(model))
    with torch.inference_mode():
        return float((native(picture) - model(picture)).abs().max())


@pytest.mark.parametrize("name", NAMES)
def test_small_architectures_stay_what_they_are(name):
    model = small(name)
    assert worst(model, torch.rand(1, model.descriptor.channels or 3, 37, 30)) < 1e-4


# As they are by default, with channels that its convolutions take.
@pytest.mark.parametrize(
    ("name", "arguments", "least"),
    [
        ("UNet", {}, 12),
        ("TinySRGAN", {}, 15),
        ("SRResNet", {"blocks": 2}, 7),
        ("EDSR", {"blocks": 2}, 7),
        ("MobileSR", {}, 15),
        ("OriginalGlareUNet", {}, 9),
        ("MouthNet", {}, 10),
        ("MIRNet", {"n_feat": 32, "n_RRG": 1, "n_MSRB": 1}, 20),
        ("NAFNet", {"width": 16, "enc_blk_nums": [1], "dec_blk_nums": [1]}, 10),
    ],
)
def test_large_parts_of_an_architecture_are_computed_so(name, arguments, least):
    torch.manual_seed(0)
    model = build_architecture({"NAME": name, "ARGS": arguments}, "MODEL").eval()
    for weight in model.parameters():
        weight.data += 0.01 * torch.randn_like(weight)
    assert len(natives(with_native_convolutions(folded(model)))) >= least
    assert worst(model, torch.rand(2, model.descriptor.channels or 3, 50, 41)) < 1e-5


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([nn.PixelShuffle(2), PReLU()], 0),
        ([nn.ReLU(), nn.PixelShuffle(2)], 0),
        ([nn.BatchNorm2d(64), nn.LeakyReLU(0.1)], 0),
        ([nn.LeakyReLU(0.1), nn.LeakyReLU(0.2), nn.PixelShuffle(2)], 2),
        ([nn.PixelShuffle(4), nn.ReLU()], 2),
        ([nn.Sigmoid(), nn.ReLU()], 2),
        ([nn.Dropout(), nn.ReLU()], 2),
    ],
)
def test_what_follows_a_convolution_goes_with_it(steps, left):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(16, 64, 3, padding=1), *steps).eval()
    native = with_native_convolutions(folded(model))
    assert len(natives(native)) == 1
    assert sum(not isinstance(step, nn.Identity) for step in native) == 1 + left
    assert worst(model, torch.randn(1, 16, 10, 9)) < 1e-5
