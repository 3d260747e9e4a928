"""MSRResNet: SRResNet without batch normalisation, the start of many a later network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layers.residual import ResidualBlock
from layers.upsampling import reach_before_bilinear, reach_before_shuffle, upsampling_steps
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES
from utils.other_names import also_called

_SLOPE = 0.1


@ARCHITECTURES.register
class MSRResNet(nn.Module):
    """The modified SRResNet of Wang et al., "ESRGAN", ECCVW 2018: 1,517,571 parameters at scale 4.

    No batch normalisation; it learns what the bilinearly enlarged input lacks. Parameters are
    named as in BasicSR's checkpoints, which load; its names of arguments are taken too: `num_feat`,
    `num_block`, `upscale`.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), not clamped; any H and W.

    Args:
        scale: 2, 3 or 4.
        channels: C, of input and output.
        features: channels inside.
        blocks: residual blocks.

    Raises:
        ValueError: a scale or a number of channels that cannot be.
    """

    @also_called(num_feat="features", num_block="blocks", upscale="scale")
    def __init__(
        self, scale: int = 4, channels: int = 3, features: int = 64, blocks: int = 16
    ) -> None:
        super().__init__()
        self.scale = scale
        self.steps = upsampling_steps(scale)
        self.conv_first = nn.Conv2d(channels, features, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        for number, step in enumerate(self.steps, start=1):
            convolution = nn.Conv2d(features, features * step**2, 3, padding=1)
            self.add_module(f"upconv{number}", convolution)
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, channels, 3, padding=1)
        self._start_near_bilinear()
        reach = 2
        for step in self.steps:
            reach = reach_before_shuffle(reach, step) + 1
        reach = max(reach + 2 * blocks + 1, reach_before_bilinear(0, scale))
        self.descriptor = Descriptor(
            scale=scale, channels=channels, receptive_field=2 * reach + 1, channels_last=True
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(F.leaky_relu(self.conv_first(x), _SLOPE, inplace=True))
        for number, step in enumerate(self.steps, start=1):
            y = F.pixel_shuffle(self.get_submodule(f"upconv{number}")(y), step)
            y = F.leaky_relu(y, _SLOPE, inplace=True)
        y = self.conv_last(F.leaky_relu(self.conv_hr(y), _SLOPE, inplace=True))
        return y + F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)

    def _start_near_bilinear(self) -> None:
        """Initial weights a tenth of He et al.'s, so that each block begins near the identity."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=_SLOPE)
                nn.init.zeros_(module.bias)
                with torch.no_grad():
                    module.weight.mul_(0.1)
