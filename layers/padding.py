"""Padding to a multiple, for networks that halve the resolution several times."""

from torch import Tensor
from torch.nn import functional as F


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column of (N, C, H, W) until both sizes are multiples of `multiple`.

    Padding is at the bottom and the right: crop with `y[..., :H, :W]`.
    """
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x
