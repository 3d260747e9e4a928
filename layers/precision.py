"""Where half precision would be seen, or would lose a sum."""

import torch
from torch import Tensor, nn


def in_full_precision(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """`convolution(x)` in the precision of its weights, whatever autocast says.

    For what becomes a picture or lights one up: bf16 between 0.5 and 1 has 128 levels, fewer than a
    picture of 8 bits.
    """
    with torch.autocast(x.device.type, enabled=False):
        y: Tensor = convolution(x.to(convolution.weight.dtype))
    return y


def at_least_float32(x: Tensor) -> Tensor:
    """The same values in float32, or as they are where they are finer."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
