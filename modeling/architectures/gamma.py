"""Gamma correction: the simplest way to lift darkness, to compare networks with."""

from __future__ import annotations

import math

from torch import Tensor, nn

from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES


@ARCHITECTURES.register
class Gamma(nn.Module):
    """Raises every value to one power; nothing is learnt.

    `forward(x)`: (N, C, H, W) -> x ** exponent in [0, 1], the same shape; x is clamped to [0, 1].

    Args:
        exponent: below 1 brightens, above 1 darkens; the default is 1 / 2.2.

    Raises:
        ValueError: an exponent that is not above 0.
    """

    def __init__(self, exponent: float = 1 / 2.2) -> None:
        super().__init__()
        if not 0 < exponent < math.inf:
            raise ValueError(f"exponent is {exponent}; it must be above 0")
        self.exponent = exponent
        self.descriptor = Descriptor(channels=0, receptive_field=1, pretrained=True)

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(0, 1) ** self.exponent
