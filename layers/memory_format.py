"""The layout of feature maps in memory."""

import torch
from torch import Tensor


def channels_last(x: Tensor) -> Tensor:
    """(N, C, H, W) with the channels of a pixel side by side in memory, copied only where needed.

    Networks that normalise or attend over channels are faster so on any device. While a program is
    traced it is the usual layout: in the other, PyTorch ties the program to batches above one.
    """
    layout = torch.contiguous_format if torch.compiler.is_compiling() else torch.channels_last
    return x.contiguous(memory_format=layout)
