"""The layout of feature maps in memory.

Networks that normalise or attend over channels are faster where the channels of a pixel lie side by
side: what works on pixels then sees (N, H, W, C), and what convolves (N, C, H, W), without a copy.
"""

import torch
from torch import Tensor


def channels_last(x: Tensor) -> Tensor:
    """(N, C, H, W) with the channels of a pixel side by side in memory, copied only where needed.

    While a program is traced it is the usual layout: in the other, PyTorch would tie an exported
    network to batches above one.
    """
    layout = torch.contiguous_format if torch.compiler.is_compiling() else torch.channels_last
    return x.contiguous(memory_format=layout)


def to_pixels(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H, W, C), a view."""
    return x.permute(0, 2, 3, 1)


def from_pixels(x: Tensor) -> Tensor:
    """(N, H, W, C) -> (N, C, H, W), laid out channels last: a view where `x` is contiguous."""
    return channels_last(x.permute(0, 3, 1, 2))
