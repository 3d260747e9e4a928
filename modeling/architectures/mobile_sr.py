"""MobileSR: super-resolution of inverted residuals, small enough for a telephone."""

from itertools import chain

from torch import Tensor, nn

from layers.activation import PReLU
from layers.centred import CentredSR
from layers.upsampling import reach_before_bilinear, upsampling_steps
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_FEATURES = 32
_EXPANSION = 6
_BLOCKS = 6


@ARCHITECTURES.register
class MobileSR(CentredSR):
    """An earlier project's small generator, of MobileNetV2's blocks: 121,222 parameters.

    Inverted residuals are those of Sandler et al., "MobileNetV2", CVPR 2018; it enlarges
    bilinearly, with a convolution after each step.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), any H and W.

    Args:
        scale: 2, 3 or 4.
        channels: C, of input and output.
        output: "tanh" as in the original, "linear" or "residual"; see `layers.centred.CentredSR`.

    Raises:
        ValueError: a scale or output that cannot be.
    """

    def __init__(self, scale: int = 4, channels: int = 3, output: str = "tanh") -> None:
        super().__init__(scale, output)
        steps = upsampling_steps(scale)
        self.head = nn.Sequential(
            nn.Conv2d(channels, _FEATURES, 3, padding=1), nn.BatchNorm2d(_FEATURES), PReLU()
        )
        self.body = nn.Sequential(
            *(_InvertedResidual() for _ in range(_BLOCKS)),
            nn.Conv2d(_FEATURES, _FEATURES, 3, padding=1),
            nn.BatchNorm2d(_FEATURES),
        )
        self.upsampling = nn.Sequential(*chain.from_iterable(map(_upsampling, steps)))
        self.tail = nn.Conv2d(_FEATURES, channels, 3, padding=1)
        reach = 1
        for step in steps:
            reach = reach_before_bilinear(reach + 1, step)
        reach += 1 + _BLOCKS + 1
        self.descriptor = Descriptor(
            scale=scale, channels=channels, receptive_field=2 * reach + 1, channels_last=True
        )

    def enlarge(self, x: Tensor) -> Tensor:
        x = self.head(x)
        return self.tail(self.upsampling(self.body(x).add_(x)))


class _InvertedResidual(nn.Sequential):
    """Widened by a 1x1 convolution, filtered channel by channel, narrowed again, added."""

    def __init__(self) -> None:
        wide = _EXPANSION * _FEATURES
        super().__init__(
            nn.Conv2d(_FEATURES, wide, 1),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, _FEATURES, 1),
            nn.BatchNorm2d(_FEATURES),
        )

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).add_(x)


def _upsampling(factor: int) -> tuple[nn.Module, ...]:
    return (
        nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False),
        nn.Conv2d(_FEATURES, _FEATURES, 3, padding=1),
        PReLU(),
    )
