"""The networks that remove glare: sizes, starting points, and the physics inside GlareNet."""

import pytest
import torch
from torch.nn import functional as F

from modeling import ARCHITECTURES
from modeling.architectures.glare_net import GlareNet, _clear


def _parameters(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_original_has_its_published_parameter_count():
    assert _parameters(ARCHITECTURES.build("OriginalGlareUNet")) == 22_325_505


@pytest.mark.parametrize("name", ["UNet", "GlareNet"])
def test_ours_have_at_most_two_million(name):
    assert _parameters(ARCHITECTURES.build(name)) <= 2_000_000


def test_unet_starts_as_the_identity():
    x = torch.rand(1, 1, 50, 70)
    assert torch.equal(ARCHITECTURES.build("UNet").eval()(x), x)


def test_clearing_inverts_the_composition():
    """x = g + L (1 - k g) and back, for every g, L and k short of saturation."""
    g, light = torch.rand(1000), torch.rand(1000) * 0.9
    keep = torch.rand(1000) * 0.8
    x = g + light * (1 - keep * g)
    maps = torch.stack([light / (1 - keep * light), keep - 0.7]).view(1, 2, 1, -1)
    torch.testing.assert_close(_clear(x.view(1, 1, 1, -1), maps), g.view(1, 1, 1, -1))


@pytest.fixture
def lively() -> GlareNet:
    """A GlareNet whose heads are not near zero, so that its output differs from its input."""
    torch.manual_seed(1)
    model = GlareNet(widths=(8, 16, 16), working_size=64).eval()
    torch.nn.init.normal_(model.light.weight, std=4)
    torch.nn.init.normal_(model.refine[-1].weight, std=0.02)
    return model


def test_the_light_does_not_depend_on_resolution(lively):
    """A smooth picture enlarged four times loses the same light."""
    small = F.interpolate(torch.rand(1, 1, 8, 8), size=(64, 64), mode="bicubic").clamp(0, 1)
    large = F.interpolate(small, size=(256, 256), mode="bilinear")
    with torch.inference_mode():
        removed_small = small - lively(small)
        removed_large = F.avg_pool2d(large - lively(large), 4)
    assert removed_small.abs().mean() > 0.02
    assert (removed_small - removed_large).abs().mean() < 0.1 * removed_small.abs().mean()


def test_gray_as_colour_is_restored_as_gray(lively):
    gray = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        color = lively(gray.expand(-1, 3, -1, -1))
        torch.testing.assert_close(color, lively(gray).expand(-1, 3, -1, -1), atol=1e-4, rtol=0)


def test_output_differs_from_input_smoothly_in_portrait_and_panorama(lively):
    for size in ((200, 40), (40, 200), (64, 65)):
        with torch.inference_mode():
            assert lively(torch.rand(1, 3, *size)).shape == (1, 3, *size)
