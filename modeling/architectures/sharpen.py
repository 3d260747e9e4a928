"""Sharpening without anything learnt."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_CUT_OFF = 4.0  # standard deviations from the centre, beyond which the kernel is 0


@ARCHITECTURES.register
class Sharpen(nn.Module):
    """Unsharp masking: a picture plus a share of its difference from a Gaussian blur.

    (1 + amount) x - amount G(x), what `cv2.addWeighted` makes of a picture and
    `cv2.GaussianBlur` of it. Nothing is learnt: there are no parameters.

    `forward(x)`: (N, C, H, W) in [0, 1] -> the same shape, not clamped; any C, H and W. Edges are
    repeated outwards.

    Args:
        amount: share of the difference that is added; 0 changes nothing.
        sigma: standard deviation of the blur, in pixels.

    Raises:
        ValueError: a negative amount, or a sigma too small to blur anything.
    """

    def __init__(self, amount: float = 1.0, sigma: float = 2.0) -> None:
        super().__init__()
        radius = round(_CUT_OFF * sigma)
        if amount < 0 or radius < 1:
            raise ValueError(f"amount {amount} must be at least 0, sigma {sigma} at least 0.13")
        self.amount = amount
        self.radius = radius
        distance = torch.arange(-radius, radius + 1, dtype=torch.float64)
        bell = torch.exp(-0.5 * (distance / sigma) ** 2)
        # A constant of the architecture, which weights files need not hold.
        self.register_buffer("kernel", (bell / bell.sum()).float(), persistent=False)
        self.descriptor = Descriptor(
            scale=1,
            channels=0,
            receptive_field=2 * radius + 1,
            pretrained=True,
        )

    def forward(self, x: Tensor) -> Tensor:
        planes = x.flatten(0, 1).unsqueeze(1)
        padded = F.pad(planes, (self.radius,) * 4, mode="replicate")
        # Half precision would be seen: a difference of nearly equal numbers is enlarged.
        with torch.autocast(x.device.type, enabled=False):
            rows = F.conv2d(padded, self.kernel.view(1, 1, -1, 1))
            blurred = F.conv2d(rows, self.kernel.view(1, 1, 1, -1)).view_as(x)
        return x + self.amount * (x - blurred)
