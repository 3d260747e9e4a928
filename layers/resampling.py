"""Halving and doubling the resolution by learnt filters beside fixed, smooth ones.

The residual resizing of Zamir et al., "Learning Enriched Features for Real Image Restoration and
Enhancement", ECCV 2020. Parameters are named as in its authors' checkpoints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layers.activation import PReLU
from layers.convolution import convolution
from layers.reach import Interval


class Halvings(nn.Module):
    """(N, C, H, W), H and W multiples of 2**steps -> (N, 2**steps C, H / 2**steps, W / 2**steps).

    Args:
        channels: C.
        steps: halvings, one after another.
    """

    def __init__(self, channels: int, steps: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(_Down(channels * 2**step) for step in range(steps)))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Doublings(nn.Module):
    """(N, C, H, W), C a multiple of 2**steps -> (N, C / 2**steps, 2**steps H, 2**steps W).

    Args:
        channels: C.
        steps: doublings, one after another.
    """

    def __init__(self, channels: int, steps: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(_Up(channels // 2**step) for step in range(steps)))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def before_resampling(interval: Interval, halvings: int) -> Interval:
    """What an interval of the result needs of the input; doublings are halvings below 0."""
    first, last = interval
    for _ in range(halvings):  # the blur, and the 3x3 convolution before it
        first, last = 2 * first - 2, 2 * last + 2
    for _ in range(-halvings):  # a row between two others comes from both
        first, last = (first - 1) // 2, (last + 1) // 2
    return first, last


class _Down(nn.Module):
    """(N, C, H, W), both even -> (N, 2 C, H / 2, W / 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.top = nn.Sequential(
            convolution(channels, channels, 1),
            PReLU(),
            convolution(channels, channels, 3),
            PReLU(),
            _Blur(channels),
            convolution(channels, 2 * channels, 1),
        )
        self.bot = nn.Sequential(_Blur(channels), convolution(channels, 2 * channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.top(x).add_(self.bot(x))


class _Up(nn.Module):
    """(N, C, H, W) -> (N, C / 2, 2 H, 2 W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.top = nn.Sequential(
            convolution(channels, channels, 1),
            PReLU(),
            nn.ConvTranspose2d(
                channels, channels, 3, stride=2, padding=1, output_padding=1, bias=False
            ),
            PReLU(),
            convolution(channels, channels // 2, 1),
        )
        self.bot = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"),
            convolution(channels, channels // 2, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        enlarge, convolve = self.bot
        # The two commute, and at the lower resolution there are a quarter of the pixels.
        return self.top(x).add_(enlarge(convolve(x)))


class _Blur(nn.Module):
    """Every second pixel after a binomial 3x3 blur: (N, C, H, W) -> (N, C, H / 2, W / 2).

    Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("filt", torch.outer(row, row).expand(channels, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self.filt, stride=2, groups=x.shape[1])
