"""The U of a U-Net: features at full resolution from features at full resolution."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layers.convolution import ConvUnit


class UNetBody(nn.Module):
    """Encoder and decoder with concatenated skips, convolved after each concatenation.

    Upsampling is bilinear and followed by convolutions, so that no block pattern can arise as with
    transposed convolutions (Ronneberger et al., "U-Net", MICCAI 2015, is the structure).

    `forward(x)`: (N, channels_in, H, W) -> (N, widths[0], H, W), with H and W multiples of
    2 ** (len(widths) - 1).

    Args:
        channels_in: channels of the input.
        widths: channels of each level, finest first; every level halves the resolution.
    """

    def __init__(self, channels_in: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):
            before = channels_in if level == 0 else widths[level - 1]
            stride = 1 if level == 0 else 2
            self.down.append(nn.Sequential(ConvUnit(before, width, stride), ConvUnit(width, width)))
        self.up = nn.ModuleList(
            nn.Sequential(ConvUnit(fine + coarse, fine), ConvUnit(fine, fine))
            for fine, coarse in zip(widths[:-1], widths[1:], strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        skips.pop()
        for stage, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            x = stage(torch.cat([skip, x], dim=1))
        return x
