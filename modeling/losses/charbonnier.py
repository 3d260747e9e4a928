"""Charbonnier's loss: an absolute difference that is smooth at zero."""

import torch
from torch import Tensor, nn

from modeling.registries import LOSSES


@LOSSES.register
class Charbonnier(nn.Module):
    """Mean of sqrt(difference ** 2 + eps ** 2).

    Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017,
    equation 5. `forward(output, target)`: two tensors of one shape -> scalar.

    Args:
        eps: below it, in units of the pictures' [0, 1], differences count squared.
    """

    def __init__(self, eps: float = 1e-3) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.sqrt((output - target).square() + self.eps**2).mean()
