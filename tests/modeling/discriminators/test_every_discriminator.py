"""One test of the same shape for every registered discriminator, and what papers say of each."""

import pytest
import torch

from modeling import DISCRIMINATORS

OURS = [
    name
    for name in DISCRIMINATORS.names()
    if DISCRIMINATORS.get(name).__module__.startswith("modeling.")
]


@pytest.fixture(params=OURS)
def discriminator(request) -> torch.nn.Module:
    torch.manual_seed(0)
    return DISCRIMINATORS.build(request.param, features=8)


@pytest.mark.parametrize("size", [(96, 96), (24, 33), (50, 41)])
@pytest.mark.parametrize("count", [1, 3])
def test_any_patch_size_and_any_batch_give_logits(discriminator, size, count):
    discriminator.eval()
    with torch.inference_mode():
        scores = discriminator(torch.rand(count, 3, *size))
    assert scores.shape[:2] == (count, 1)
    assert torch.isfinite(scores).all()


def test_scores_are_not_squashed(discriminator):
    """Logits: the last layer's weights times ten are scores times ten, so no sigmoid follows."""
    discriminator.eval()
    x = torch.rand(1, 3, 48, 48)
    last = [
        layer
        for layer in discriminator.modules()
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)
    ][-1]
    with torch.inference_mode():
        before = discriminator(x)
        last.weight.mul_(10)
        last.bias.mul_(10)
        torch.testing.assert_close(discriminator(x), 10 * before, rtol=1e-4, atol=1e-4)


def test_every_parameter_learns_and_so_does_the_picture(discriminator):
    discriminator.train()
    x = torch.rand(2, 3, 48, 48, requires_grad=True)
    discriminator(x).square().mean().backward()
    assert x.grad.abs().sum() > 0
    idle = [
        name
        for name, parameter in discriminator.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert idle == []


def test_state_dict_round_trip_gives_the_same_scores(discriminator):
    discriminator.train()(torch.rand(2, 3, 48, 48))  # moves the buffers from where they start
    other = DISCRIMINATORS.build(type(discriminator).__name__, features=8).eval()
    other.load_state_dict(discriminator.eval().state_dict())
    x = torch.rand(1, 3, 40, 40)
    with torch.inference_mode():
        assert torch.equal(discriminator(x), other(x))


def _srgan_by_its_figure() -> int:
    """SRGAN's figure 4, layer by layer, for patches of 96 pixels: convolutions, BN, dense."""
    widths = [64, 64, 128, 128, 256, 256, 512, 512]
    units = sum(9 * a * b + 2 * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    return (9 * 3 * 64 + 64) + units + (512 * 6 * 6 * 1024 + 1024) + (1024 + 1)


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("SRGANDiscriminator", {}, _srgan_by_its_figure()),
        ("PatchGAN", {"channels": 6}, 2_768_705),  # what pix2pix's program reports
        ("UNetDiscriminator", {}, 4_376_897),  # Real-ESRGAN's
    ],
)
def test_parameter_counts(name, arguments, count):
    model = DISCRIMINATORS.build(name, **arguments)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_a_patch_score_sees_seventy_pixels():
    """Isola et al. 2017: "70 x 70 PatchGAN"."""
    model = DISCRIMINATORS.build("PatchGAN", features=4).eval()
    x = torch.rand(1, 3, 160, 160, requires_grad=True)
    scores = model(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    rows, columns = x.grad[0].abs().sum(0).nonzero(as_tuple=True)
    assert rows.max() - rows.min() + 1 == 70
    assert columns.max() - columns.min() + 1 == 70


def test_a_unet_scores_each_pixel():
    model = DISCRIMINATORS.build("UNetDiscriminator", features=4)
    assert model(torch.rand(2, 3, 37, 50)).shape == (2, 1, 37, 50)


def test_spectral_normalisation_bounds_every_inner_layer():
    torch.manual_seed(0)
    model = DISCRIMINATORS.build("UNetDiscriminator", features=4).train()
    inner = (*model.down, *model.up, model.tail[0], model.tail[2])
    for convolution in inner:
        with torch.no_grad():
            convolution.parametrizations.weight.original.mul_(30)
    for _ in range(100):  # power iterations
        model(torch.rand(1, 3, 8, 8))
    for convolution in inner:
        largest = torch.linalg.svdvals(convolution.weight.flatten(1))[0]
        assert largest.item() == pytest.approx(1, abs=0.02)


def test_pooling_changes_nothing_at_the_papers_patch_size():
    model = DISCRIMINATORS.build("SRGANDiscriminator", features=4).eval()
    x = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        features = model.features[:-1](2 * x - 1)
        assert features.shape[-2:] == (6, 6)
        assert torch.equal(model(x), model.score(features))
