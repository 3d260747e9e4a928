"""Folded networks: the same pictures from fewer operations."""

import pytest
import torch
from torch import nn

from layers.native import library
from modeling import ARCHITECTURES
from modeling.folding import folded
from modeling.native import with_native_convolutions
from tests.modeling.small_architectures import NAMES, small


def with_statistics(model):
    """The model with running statistics and slopes that no fold could leave out unseen."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            if module.track_running_stats:
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.1, 0.5)
    return model


@torch.inference_mode()
@pytest.mark.parametrize("name", NAMES)
def test_a_folded_network_gives_the_same_picture(name):
    model = with_statistics(small(name))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fewer = folded(model)
    for size in ((1, 37, 53), (2, 32, 48)):
        x = torch.rand(size[0], model.descriptor.channels or 3, *size[1:])
        expected = model(x)
        scale = max(1.0, float(expected.abs().max()))
        assert (fewer(x) - expected).abs().max() <= 1e-5 * scale
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Shared(nn.Module):
    """Activates by one module what a convolution wrote and what is still needed."""

    def __init__(self):
        super().__init__()
        self.activation = nn.LeakyReLU(0.2)
        self.body = nn.Sequential(convolution(), self.activation)

    def forward(self, x):
        y = self.body(x) - 0.1
        return y + self.activation(y)


def convolution():
    return nn.Conv2d(16, 16, 3, padding=1)


def hooked(module):
    module.register_forward_hook(lambda _module, _inputs, output: 2 * output)
    return module


@pytest.mark.parametrize(
    "model",
    [
        Shared(),
        nn.Sequential(hooked(convolution()), nn.BatchNorm2d(16)),
        nn.Sequential(nn.utils.spectral_norm(convolution()), nn.BatchNorm2d(16)),
        nn.Sequential(nn.utils.parametrizations.weight_norm(convolution()), nn.BatchNorm2d(16)),
        nn.Sequential(convolution(), nn.BatchNorm2d(16, track_running_stats=False)),
    ],
)
def test_what_only_looks_foldable_is_left(model):
    torch.manual_seed(0)
    model, x = with_statistics(model).eval(), torch.randn(1, 16, 9, 11)
    with torch.inference_mode():
        expected = model(x)
        assert (folded(model)(x) - expected).abs().max() < 1e-5
        if library.is_available():
            native = with_native_convolutions(folded(model))
            assert (native(x) - expected).abs().max() < 1e-4


@pytest.mark.parametrize("name", ["MobileSR", "SRResNet", "UNet", "GlareNet"])
def test_no_normalisation_and_no_single_slope_is_left(name):
    kinds = {type(module) for module in folded(ARCHITECTURES.build(name)).modules()}
    assert not kinds & {nn.BatchNorm2d, nn.PReLU}


def test_a_network_may_compute_with_a_slope_rather_than_call_it():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = nn.PReLU(init=0.3)

        def forward(self, x):
            return nn.functional.prelu(x, self.slope.weight)

    x = torch.randn(1, 3, 5, 5)
    assert torch.equal(folded(Own())(x), nn.functional.leaky_relu(x, 0.3))
