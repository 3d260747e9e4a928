"""Pictures too large for one tensor, taken in as strips of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def resize_bilinear(x: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, H, W) at another size: bilinear, averaging over all covered pixels where it shrinks.

    Antialiasing changes nothing where it enlarges: asked for always, it leaves no branch that
    would tie an exported network to some sizes.
    """
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)


def shrink_strips(strips: Iterable[Tensor], height: int, size: Sequence[int]) -> Tensor:
    """`resize_bilinear` of a picture of which one strip is in memory at a time.

    Args:
        strips: the picture's rows from top to bottom, each (N, C, h, W).
        height: of the picture.
        size: height and width of the result, (N, C, *size).
    """
    total: Tensor | None = None
    top = 0
    for strip in strips:
        rows = strip.shape[-2]
        # What resizing takes from each of these rows: rows of the identity, resized.
        identity = torch.zeros(1, 1, height, rows, dtype=strip.dtype, device=strip.device)
        identity[0, 0, top : top + rows].fill_diagonal_(1)
        taken = resize_bilinear(identity, (size[0], rows))[0, 0]
        with torch.autocast(strip.device.type, enabled=False):
            part = taken @ resize_bilinear(strip, (rows, size[1]))
        total = part if total is None else total + part
        top += rows
    assert total is not None and top == height
    return total
