"""Padding to a multiple, for networks that halve the resolution several times."""

from torch import Tensor
from torch.nn import functional as F


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column of (N, C, H, W) until both sizes are multiples of `multiple`.

    Padding is at the bottom and the right: crop with `y[..., :H, :W]`. Where nothing is missing it
    pads by nothing rather than branch: a branch would tie an exported network to some sizes.
    """
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
