"""Histogram equalisation: each level as frequent as any other, to compare networks with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_TOP = 255  # the highest of the 8-bit levels that are counted


@ARCHITECTURES.register
class HistogramEqualization(nn.Module):
    """Equalises each picture's HSV value, the largest channel; nothing is learnt.

    Every pixel is multiplied so that its value becomes the equalised one: hue and saturation stay.
    A gray picture comes out as OpenCV's `equalizeHist` makes it; between the 256 levels of its
    table the curve is straight, so that pictures of 16 bits do not get bands.

    `forward(x)`: (N, C, H, W) -> the same shape, in [0, 1]; x is clamped to [0, 1].
    """

    def __init__(self) -> None:
        super().__init__()
        self.descriptor = Descriptor(
            channels=0, receptive_field=1, global_context=True, pretrained=True
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.restore_part(x, self.look([x], x.shape[-2:]))

    def look(self, strips: Iterable[Tensor], size: Sequence[int]) -> Tensor:
        """What each 8-bit level of whole pictures becomes, (N, 256) in [0, 1]; see `SeesWhole`."""
        counts = sum(map(_counts, strips))
        upto = counts.cumsum(1)
        lowest = (counts > 0).int().argmax(1, keepdim=True)
        darkest = counts.gather(1, lowest)  # pixels of the lowest level, which becomes 0
        brighter = upto[:, -1:] - darkest
        curve = (upto - darkest).clamp(min=0) * _TOP / brighter.clamp(min=1)
        unchanged = torch.arange(_TOP + 1, device=counts.device).to(curve)
        flat = brighter == 0  # a picture of one level stays as it is
        return torch.where(flat, unchanged, curve.round()) / _TOP

    def restore_part(self, x: Tensor, seen: Tensor, top: int = 0, left: int = 0) -> Tensor:
        """Rows from `top` and columns from `left` of the picture looked at, as in `forward`."""
        value = _value(x)
        places = value.flatten(1) * _TOP
        below = places.long().clamp(max=_TOP - 1)
        curve = seen.to(x.device)
        low, high = curve.gather(1, below), curve.gather(1, below + 1)
        equalized = torch.lerp(low, high, places - below).view_as(value)
        gain = equalized / value.clamp(min=torch.finfo(x.dtype).tiny)
        return (x.clamp(0, 1) * gain).clamp(0, 1)


def _counts(x: Tensor) -> Tensor:
    """How many pixels of (N, C, H, W) have each 8-bit level: (N, 256)."""
    levels = (_value(x) * _TOP).round().long().flatten(1)
    none = levels.new_zeros(levels.shape[0], _TOP + 1)
    return none.scatter_add(1, levels, torch.ones_like(levels))


def _value(x: Tensor) -> Tensor:
    """HSV's value of (N, C, H, W), the largest channel, as (N, 1, H, W) in [0, 1]."""
    return x.amax(1, keepdim=True).clamp(0, 1)
