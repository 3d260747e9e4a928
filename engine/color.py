"""Carrying to colour what a gray-only architecture did to luminance."""

from __future__ import annotations

from torch import Tensor

from layers.color import luminance
from utils.resampling import resize_bicubic_batch

# Of added light L, a pixel of value g gains L (1 - 0.7 g): measured on real pictures with glare.
_SHADOWING = 0.7

ENLARGING_REACH = 2  # input pixels that `enlarge` looks at to each side


def remove_light(rgb: Tensor, restored: Tensor) -> Tensor:
    """Take white light off each channel, as much as its removal took off luminance.

    Glare adds the same light L to the three channels of a pixel: x = g + L (1 - 0.7 g). This is
    linear in g and the luma weights sum to 1, so luminance follows the same law, which gives
    L = (Y - Y') / (1 - 0.7 Y') from luminance before and after, and g = (x - L) / (1 - 0.7 L) per
    channel. The result's luminance is `restored` wherever no channel needs clipping. Where a
    channel saturates, its colour is lost and comes back as gray as it is.

    Args:
        rgb: N3HW, [0, 1], the picture with glare.
        restored: N1HW, [0, 1], its luminance without.

    Returns:
        N3HW in [0, 1].
    """
    light = (luminance(rgb) - restored) / (1 - _SHADOWING * restored)
    return ((rgb - light) / (1 - _SHADOWING * light)).clamp(0, 1)


def enlarge(image: Tensor, height: int, width: int) -> Tensor:
    """Bicubic enlargement of an NCHW picture in [0, 1], clipped to [0, 1].

    The kernel is the one of published "bicubic" rows: MATLAB's (a = -0.5), edges mirrored.
    """
    return resize_bicubic_batch(image, height, width).clamp(0, 1)


def keep_chroma(rgb: Tensor, restored: Tensor) -> Tensor:
    """Colour of `rgb`, enlarged where need be, under a restored luminance.

    What architectures with a scale above 1 get: their change of luminance is detail, not light.

    Args:
        rgb: N3hw, [0, 1].
        restored: N1HW, [0, 1], H and W the same or larger.

    Returns:
        N3HW in [0, 1].
    """
    rgb = enlarge(rgb, *restored.shape[-2:])
    return (rgb + restored - luminance(rgb)).clamp(0, 1)
