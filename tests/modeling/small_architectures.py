"""Small networks of every architecture, for tests of what must hold of all of them."""

import pytest
import torch
from torch import nn

from modeling import ARCHITECTURES

# Arguments only where an architecture's own defaults are large.
SMALL = {
    "Chain": {
        "steps": [{"NAME": "Sharpen"}, {"NAME": "EDSR", "ARGS": {"features": 4, "blocks": 1}}]
    },
    "EDSR": {"scale": 3, "features": 8, "blocks": 2, "residual_scale": 0.5},
    "GlareNet": {"widths": [4, 6, 8], "working_size": 48},
    "LowLightNet": {
        "width": 4,
        "middle_blk_num": 1,
        "enc_blk_nums": [1],
        "dec_blk_nums": [1],
    },
    "MIRNet": {"n_feat": 16, "n_RRG": 1, "n_MSRB": 1, "height": 2},
    "MSRResNet": {"features": 8, "blocks": 2},
    "MiniSRGAN": {"scale": 2},
    "MobileSR": {"scale": 3},
    "MouthNet": {"widths": [4, 6, 8], "blocks": [1, 2, 1]},
    "NAFNet": {
        "width": 4,
        "middle_blk_num": 1,
        "enc_blk_nums": [1, 2],
        "dec_blk_nums": [2, 1],
    },
    "OriginalGlareUNet": {"widths": [4, 6, 8, 8]},
    "Retinexformer": {"n_feat": 8, "num_blocks": [1, 1, 1]},
    "SRResNet": {"features": 8, "blocks": 2},
    "TinySRGAN": {"scale": 2},
    "UNet": {"channels": 3, "widths": [4, 6, 8, 8]},
}
# Other tests, and people, register networks of their own; Spandrel is made from a file and has a
# test of its own.
NAMES = [
    name
    for name in ARCHITECTURES.names()
    if ARCHITECTURES.get(name).__module__.startswith("modeling.architectures.")
    and name != "Spandrel"
]


def small(name: str) -> nn.Module:
    """The architecture, small, in eval(), with random weights, heads that start at zero too."""
    torch.manual_seed(0)
    try:
        model = ARCHITECTURES.build(name, **SMALL.get(name, {}))
    except Exception as error:
        pytest.fail(f"{name} cannot be built from its defaults; give arguments in SMALL: {error}")
    for weight in model.parameters():
        if weight.requires_grad and weight.dim() > 1:
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    return model.eval()
