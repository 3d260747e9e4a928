"""The residual block without batch normalisation that super-resolution networks stack."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a ReLU between, scaled and added: (N, C, H, W) -> the same shape.

    Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
    figure 2c.

    Args:
        features: C.
        residual_scale: what the convolutions' result is multiplied by before it is added.
    """

    def __init__(self, features: int, residual_scale: float = 1.0) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv2(F.relu(self.conv1(x), inplace=True))
        return torch.add(x, residual, alpha=self.residual_scale)
