"""Retinexformer: the authors' size, checkpoints and outputs; its attention; its field."""

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from modeling import ARCHITECTURES
from modeling.architectures import retinexformer
from modeling.recognition import build_for
from tests.modeling.fields import seen_field
from tests.modeling.small_architectures import small
from utils.torchvision_compat import import_torchvision


def test_size_and_cost_are_the_papers():
    with FakeTensorMode():  # shapes without numbers
        model = ARCHITECTURES.build("Retinexformer")
        with FlopCounterMode(display=False) as counter:
            model(torch.rand(1, 3, 256, 256))
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_605_701  # 1.606 M
    flops = counter.get_flop_counts()["Global"]
    layers = sum(count for product, count in flops.items() if "bmm" not in str(product))
    assert layers / 2e9 == pytest.approx(15.7, abs=0.05)


@torch.inference_mode()
@pytest.mark.parametrize(
    "arguments",
    [
        {"n_feat": 8, "stage": 1, "num_blocks": [1, 2, 2]},
        {"n_feat": 16, "stage": 2, "num_blocks": [1, 1, 1]},
    ],
    ids=["one stage", "two stages"],
)
def test_the_authors_layout_loads_and_gives_the_same_output(arguments):
    import_torchvision()
    pytest.importorskip("spandrel")
    from spandrel.architectures.RetinexFormer import RetinexFormer

    torch.manual_seed(0)
    other = RetinexFormer(**arguments).eval()
    for name, parameter in other.named_parameters():
        if name.endswith("rescale"):  # sharp attention, of which every detail matters
            nn.init.constant_(parameter, 5.0)
        elif parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.7 * parameter[0].numel() ** -0.5)
    model = build_for(other.state_dict()).eval()
    model.load_state_dict(other.state_dict())
    x = torch.rand(2, 3, 32, 48)
    torch.testing.assert_close(model(x), other(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"out_channels": 1}, "out_channels is 1 and in_channels 3"),
        ({"n_feat": 18}, "n_feat is 18; it must be a multiple of in_channels"),
    ],
)
def test_channels_that_cannot_be_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        ARCHITECTURES.build("Retinexformer", **arguments)


def test_gray_pictures_are_restored_by_a_network_of_one_channel():
    model = ARCHITECTURES.build("Retinexformer", in_channels=1, out_channels=1, n_feat=8)
    assert model(torch.rand(2, 1, 9, 13)).shape == (2, 1, 9, 13)


def test_inverse_norms_are_those_of_normalisation():
    columns = torch.randn(2, 3, 50, 4, dtype=torch.float64, requires_grad=True)

    def normalise(x):
        return x * retinexformer._inverse_norms(x)

    torch.testing.assert_close(normalise(columns), F.normalize(columns, dim=2))
    assert torch.autograd.gradcheck(normalise, columns[:1, :1, :5].detach().requires_grad_())


def test_a_black_picture_gives_finite_gradients():
    model = small("Retinexformer").train()
    model(torch.zeros(1, 3, 16, 16)).square().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@torch.inference_mode()
def test_half_precision_attends_as_float32_does_however_large_the_picture():
    attention = ARCHITECTURES.build("Retinexformer").body[0].denoiser.bottleneck.blocks[0][0]
    queries, keys = 8 * torch.randn(2, 1, 300, 400, 160)
    exact = attention._attention(queries, keys)
    halves = attention._attention(queries.half(), keys.half())
    assert halves.dtype == torch.float32
    torch.testing.assert_close(halves, exact, atol=1e-5, rtol=1e-4)


def test_half_precision_does_not_round_the_picture_itself():
    """bf16 between 0.5 and 1 has 128 levels: fewer than a picture of 8 bits."""
    model = small("Retinexformer")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        output = model(torch.rand(1, 3, 24, 24))
    assert output.dtype == torch.float32
    assert (output != output.bfloat16()).float().mean() > 0.9


def test_without_its_attention_it_sees_the_field_it_describes(monkeypatch):
    model = small("Retinexformer").double()
    attend = retinexformer._GuidedAttention._attention
    monkeypatch.setattr(
        retinexformer._GuidedAttention, "_attention", lambda *seen: attend(*seen).detach()
    )
    assert seen_field(model) == model.descriptor.receptive_field
