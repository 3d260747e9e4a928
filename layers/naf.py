"""The body of NAFNet, for networks that give it other than a picture.

Chen et al., "Simple Baselines for Image Restoration", ECCV 2022.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from layers.memory_format import channels_last
from layers.normalization import LayerNorm2d
from layers.padding import pad_to_multiple
from layers.precision import in_full_precision
from layers.reach import Interval, receptive_field, through_u_shape, widened
from layers.recompute import Recomputable


class NAFBody(nn.Module):
    """A U-shape of blocks without nonlinear activations, in the authors' layout of parameters.

    `forward(x)`: (N, in_channels, H, W) -> (N, out_channels, H, W); any H and W. Each pixel depends
    on the whole of x, by the mean of the channel attention.

    Args:
        in_channels: channels of what comes in.
        out_channels: channels of what comes out.
        width: channels at full resolution; each level down has twice as many.
        middle_blk_num: blocks at the lowest level.
        enc_blk_nums: blocks of each level on the way down, finest first.
        dec_blk_nums: blocks of each level on the way up, coarsest first.

    Attributes:
        multiple: what H and W are padded to a multiple of.
        receptive_field: beside that mean.

    Raises:
        ValueError: the ways down and up have not equally many levels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        middle_blk_num: int,
        enc_blk_nums: Sequence[int],
        dec_blk_nums: Sequence[int],
    ) -> None:
        super().__init__()
        levels = len(enc_blk_nums)
        if len(dec_blk_nums) != levels:
            raise ValueError(
                f"enc_blk_nums has {levels} levels and dec_blk_nums {len(dec_blk_nums)}; "
                "they must be equally many"
            )
        widths = [width * 2**level for level in range(levels + 1)]
        self.intro = nn.Conv2d(in_channels, width, 3, padding=1)
        self.encoders = nn.ModuleList(map(_blocks, widths, enc_blk_nums))
        self.downs = nn.ModuleList(nn.Conv2d(fine, 2 * fine, 2, stride=2) for fine in widths[:-1])
        self.middle_blks = _blocks(widths[-1], middle_blk_num)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(coarse, 2 * coarse, 1, bias=False), nn.PixelShuffle(2))
            for coarse in reversed(widths[1:])
        )
        self.decoders = nn.ModuleList(map(_blocks, reversed(widths[:-1]), dec_blk_nums))
        self.ending = nn.Conv2d(width, out_channels, 3, padding=1)

        def trace(interval: Interval) -> Interval:
            inside = widened(interval, 1)  # the ending
            inside = through_u_shape(inside, enc_blk_nums, middle_blk_num, dec_blk_nums)
            return widened(inside, 1)  # the intro

        self.multiple = 2**levels
        self.receptive_field = receptive_field(self.multiple, trace)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = pad_to_multiple(x, self.multiple)
        features = self.intro(channels_last(padded))
        skips = []
        for blocks, down in zip(self.encoders, self.downs, strict=True):
            features = blocks(features)
            skips.append(features)
            features = down(features)
        features = self.middle_blks(features)
        for up, blocks, skip in zip(self.ups, self.decoders, reversed(skips), strict=True):
            features = blocks(up(features) + skip)
        return in_full_precision(self.ending, features)[..., :height, :width]


class NAFBlock(Recomputable):
    """The paper's block: (N, channels, H, W) -> the same shape; the identity before training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        twice = 2 * channels
        self.norm1 = LayerNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, twice, 1)
        self.conv2 = nn.Conv2d(twice, twice, 3, padding=1, groups=twice)
        self.sca = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1))
        self.conv3 = nn.Conv2d(channels, channels, 1)
        self.norm2 = LayerNorm2d(channels)
        self.conv4 = nn.Conv2d(channels, twice, 1)
        self.conv5 = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        gated = _simple_gate(self.conv2(self.conv1(self.norm1(x))))
        x = x + self.beta * self.conv3(gated * self.sca(gated))
        return x + self.gamma * self.conv5(_simple_gate(self.conv4(self.norm2(x))))


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(NAFBlock(channels) for _ in range(count)))


def _simple_gate(x: Tensor) -> Tensor:
    """The product of both halves of the channels: (N, 2 C, H, W) -> (N, C, H, W)."""
    first, second = x.chunk(2, dim=1)
    return first * second
