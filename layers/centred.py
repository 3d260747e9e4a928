"""Networks that compute on [-1, 1] inside and give pictures in [0, 1]."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.registry import did_you_mean

_OUTPUTS = ("linear", "tanh", "residual")


class CentredSR(nn.Module, ABC):
    """A super-resolution network on centred values: 2 x - 1 goes in, (y + 1) / 2 comes out.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W) in [0, 1], clamped by nothing
    but a tanh. A subclass says in `enlarge` what happens between.

    Args:
        scale: how many times the output is higher and wider.
        output: how `enlarge` becomes the picture: "linear" as it is, "tanh" through a tanh, or
            "residual" added to the bilinearly enlarged input, so that the network learns the
            difference only, and sooner.

    Raises:
        ValueError: an unknown output.
    """

    def __init__(self, scale: int, output: str) -> None:
        super().__init__()
        if output not in _OUTPUTS:
            raise ValueError(f"no output is called {output!r}; {did_you_mean(output, _OUTPUTS)}")
        self.scale = scale
        self.output = output

    @abstractmethod
    def enlarge(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in [-1, 1] -> (N, C, scale H, scale W)."""

    def forward(self, x: Tensor) -> Tensor:
        x = 2 * x - 1
        # Back from half precision first: half the sum's bits would go to the 1 that is added below.
        y = self.enlarge(x).to(x.dtype)
        if self.output == "tanh":
            y = torch.tanh(y)
        elif self.output == "residual":
            y = y + F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return (y + 1) / 2
