"""Losses that compare pictures pixel by pixel."""

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.registries import LOSSES


@LOSSES.register
class L1(nn.Module):
    """Mean absolute difference. `forward(output, target)`: two tensors of one shape -> scalar."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(output, target)


@LOSSES.register
class MSE(nn.Module):
    """Mean squared difference. `forward(output, target)`: two tensors of one shape -> scalar."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output, target)
