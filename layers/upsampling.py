"""Enlarging: the steps it takes, a sub-pixel convolution, and how far each kind of it looks.

How far: a reach of r pixels means that an output pixel depends on input pixels at most r rows and
columns from its own, so its receptive field is 2 r + 1 wide. A network's reach is found backward
from its output: a k x k convolution adds k // 2, an upsampling changes the unit.
"""

from torch import nn

_STEPS = {2: (2,), 3: (3,), 4: (2, 2)}


def upsampling_steps(scale: int) -> tuple[int, ...]:
    """The factors by which a network enlarges one after another: 4 -> (2, 2).

    Raises:
        ValueError: a scale other than 2, 3 and 4.
    """
    if scale not in _STEPS:
        raise ValueError(f"scale is {scale}; it can be {', '.join(map(str, _STEPS))}")
    return _STEPS[scale]


def subpixel_convolution(channels_in: int, channels_out: int, factor: int) -> list[nn.Module]:
    """3x3 convolution and pixel shuffle: (N, in, H, W) -> (N, out, factor H, factor W).

    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network", CVPR 2016.
    """
    return [
        nn.Conv2d(channels_in, channels_out * factor**2, 3, padding=1),
        nn.PixelShuffle(factor),
    ]


def reach_before_shuffle(reach: int, factor: int) -> int:
    """The reach in coarse pixels, before a pixel shuffle, of `reach` fine pixels after it."""
    return -(-reach // factor)


def reach_before_bilinear(reach: int, factor: int) -> int:
    """The same before bilinear upsampling, which mixes each pixel with the nearest neighbour."""
    return -(-(2 * reach + factor - 1) // (2 * factor))
