"""NAFNet: the authors' sizes, checkpoints and outputs, and how far it sees beside its attention."""

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from config import from_dict
from engine.model_files import load_model
from modeling import ARCHITECTURES
from modeling.recognition import build_for
from tests.modeling.fields import seen_field
from tests.modeling.small_architectures import SMALL, small
from utils.torchvision_compat import import_torchvision

DENOISING = {"enc_blk_nums": [2, 2, 4, 8], "middle_blk_num": 12, "dec_blk_nums": [2, 2, 2, 2]}


@pytest.mark.parametrize(
    ("arguments", "millions", "gmac"),
    [  # the paper's 16 and 65 GMAC count normalisation and products too
        ({}, 17.11, 16),
        ({"width": 64}, 67.89, 65),
        (DENOISING, 29.16, 16),
        ({"width": 64, **DENOISING}, 115.98, 65),
    ],
    ids=["deblurring, 32", "deblurring, 64", "denoising, 32", "denoising, 64"],
)
def test_sizes_and_costs_are_the_papers(arguments, millions, gmac):
    with FakeTensorMode():  # shapes without numbers
        model = ARCHITECTURES.build("NAFNet", **arguments)
        with FlopCounterMode(display=False) as counter:
            model(torch.rand(1, 3, 256, 256))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.005)
    assert counter.get_total_flops() / 2e9 == pytest.approx(gmac, rel=0.03)


@torch.inference_mode()
def test_the_authors_layout_loads_and_gives_the_same_output():
    import_torchvision()
    pytest.importorskip("spandrel")
    from spandrel.architectures.NAFNet import NAFNet

    torch.manual_seed(0)
    other = NAFNet(**SMALL["NAFNet"]).eval()
    for parameter in other.parameters():
        nn.init.normal_(parameter, std=0.2)
    model = build_for(other.state_dict()).eval()
    model.load_state_dict(other.state_dict())
    x = torch.rand(2, 3, 32, 48)
    torch.testing.assert_close(model(x), other(x), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_untrained_blocks_are_the_identity():
    model = ARCHITECTURES.build("NAFNet", **SMALL["NAFNet"]).eval()
    features = torch.rand(1, 4, 6, 5)
    assert torch.equal(model.encoders[0](features), features)


def test_ways_down_and_up_of_different_length_are_refused():
    with pytest.raises(ValueError, match="enc_blk_nums has 4 levels and dec_blk_nums 1"):
        ARCHITECTURES.build("NAFNet", dec_blk_nums=[1])


class _Ones(nn.Module):
    """An attention that looks at nothing."""

    def forward(self, x):
        return torch.ones_like(x[..., :1, :1])


def test_without_its_attention_it_sees_the_field_it_describes():
    model = small("NAFNet").double()
    for module in model.modules():
        if hasattr(module, "sca"):
            module.sca = _Ones()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    assert seen_field(model) == model.descriptor.receptive_field


def test_half_precision_does_not_round_the_picture_itself():
    """bf16 between 0.5 and 1 has 128 levels: fewer than a picture of 8 bits."""
    model, x = small("NAFNet"), torch.zeros(1, 3, 24, 24)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        output = model(x)
    assert output.dtype == torch.float32
    assert (output != output.bfloat16()).float().mean() > 0.9


@pytest.mark.parametrize("group", ["params", "state_dict"])
def test_a_checkpoint_restores_alone_and_by_its_name(group, tmp_path):
    model = small("NAFNet")
    torch.save({group: model.state_dict()}, tmp_path / "net_g.pth")
    own = from_dict({"MODEL": {"NAME": "NAFNet", "ARGS": SMALL["NAFNet"]}})
    other = from_dict({"MODEL": {"NAME": "MIRNet", "ARGS": SMALL["MIRNet"]}})
    x = torch.rand(1, 3, 9, 14)
    for cfg in (None, own, other):
        stored = load_model(tmp_path / "net_g.pth", cfg)
        assert torch.equal(stored.model.eval()(x), model(x))
