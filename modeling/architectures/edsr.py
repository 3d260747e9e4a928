"""EDSR: residual blocks without batch normalisation."""

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from layers.residual import ResidualBlock
from layers.upsampling import reach_before_shuffle, subpixel_convolution, upsampling_steps
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES
from utils.other_names import also_called

_DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


@ARCHITECTURES.register
class EDSR(nn.Module):
    """Residual blocks without batch normalisation, baseline or large.

    Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017.
    The defaults are the paper's baseline (1,517,571 parameters at scale 4); its large network,
    the EDSR of its tables, is `features: 256, blocks: 32, residual_scale: 0.1` (43,089,923).
    Parameters are named as in BasicSR's checkpoints, which load; its names of arguments are taken
    too: `num_feat`, `num_block`, `upscale`, `res_scale`, `img_range`, `rgb_mean`.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), not clamped; any H and W.

    Args:
        scale: 2, 3 or 4.
        features: channels inside.
        blocks: residual blocks.
        residual_scale: factor of what a block adds; 0.1 keeps wide networks trainable.
        value_range: the network computes on values in [0, value_range], less the mean.
        mean: of each channel of the training pictures, in [0, 1]; its length is C.

    Raises:
        ValueError: a scale or a number of channels that cannot be.
    """

    @also_called(
        num_feat="features",
        num_block="blocks",
        upscale="scale",
        res_scale="residual_scale",
        img_range="value_range",
        rgb_mean="mean",
    )
    def __init__(
        self,
        scale: int = 4,
        features: int = 64,
        blocks: int = 16,
        residual_scale: float = 1.0,
        value_range: float = 255.0,
        mean: Sequence[float] = _DIV2K_MEAN,
    ) -> None:
        super().__init__()
        channels, steps = len(mean), upsampling_steps(scale)
        self.value_range = value_range
        # A constant of the architecture, which checkpoints do not hold.
        self.register_buffer("mean", torch.tensor(mean).view(1, channels, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(channels, features, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(features, residual_scale) for _ in range(blocks)))
        self.conv_after_body = nn.Conv2d(features, features, 3, padding=1)
        self.upsample = nn.Sequential(
            *chain.from_iterable(subpixel_convolution(features, features, step) for step in steps)
        )
        self.conv_last = nn.Conv2d(features, channels, 3, padding=1)
        reach = 1
        for step in steps:
            reach = reach_before_shuffle(reach, step) + 1
        reach += 1 + 2 * blocks + 1
        self.descriptor = Descriptor(
            scale=scale, channels=channels, receptive_field=2 * reach + 1, channels_last=True
        )

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv_first((x - self.mean) * self.value_range)
        features = self.conv_after_body(self.body(features)) + features
        # Back from half precision first: the mean, added to it, would take most of its bits.
        y = self.conv_last(self.upsample(features)).to(x.dtype)
        return y / self.value_range + self.mean
