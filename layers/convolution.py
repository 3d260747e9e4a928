"""Convolutions as several architectures stack them."""

from typing import TypeGuard

from torch import nn


class ConvUnit(nn.Sequential):
    """3x3 convolution, batch normalisation, ReLU: (N, in, H, W) -> (N, out, ceil(H/s), ceil(W/s)).

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        stride: step s of the convolution.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


def convolution(channels_in: int, channels_out: int, kernel: int) -> nn.Conv2d:
    """A convolution without bias that keeps the size: (N, in, H, W) -> (N, out, H, W).

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        kernel: its side, odd.
    """
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)


def is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution of which its weights tell all.

    Not so one of a class of its own, nor with parametrizations or hooks: weight normalisation is
    either.
    """
    return type(module) is nn.Conv2d and not module._forward_pre_hooks and not module._forward_hooks
