"""Folded networks: the same pictures from fewer operations."""

import pytest
import torch
from torch import nn

from modeling import ARCHITECTURES
from modeling.folding import folded
from tests.modeling.small_architectures import NAMES, small


def with_statistics(model):
    """The model with running statistics and slopes that no fold could leave out unseen."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
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


@pytest.mark.parametrize("name", ["MobileSR", "SRResNet", "UNet", "GlareNet"])
def test_no_normalisation_and_no_single_slope_is_left(name):
    kinds = {type(module) for module in folded(ARCHITECTURES.build(name)).modules()}
    assert not kinds & {nn.BatchNorm2d, nn.PReLU}
