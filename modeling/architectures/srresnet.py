"""SRResNet, the generator of SRGAN, and two smaller ones of the same body."""

from itertools import chain

from torch import Tensor, nn

from layers.activation import PReLU
from layers.centred import CentredSR
from layers.upsampling import reach_before_shuffle, subpixel_convolution, upsampling_steps
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_HEAD_KERNEL = 9


@ARCHITECTURES.register
class SRResNet(CentredSR):
    """The generator of SRGAN; trained by a pixel loss alone its authors call it SRResNet.

    Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
    Network", CVPR 2017, figure 4, with one PReLU slope a layer: 1,549,462 parameters at scale 4.
    An earlier project's generator is `final_kernel: 3, output: tanh`: 1,535,638.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), any H and W.

    Args:
        scale: 2, 3 or 4.
        channels: C, of input and output.
        features: channels inside.
        blocks: residual blocks.
        final_kernel: side of the last convolution, odd.
        output: "linear" as in the paper, "tanh", or "residual"; see `layers.centred.CentredSR`.

    Raises:
        ValueError: a scale, final_kernel or output that cannot be.
    """

    def __init__(
        self,
        scale: int = 4,
        channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        final_kernel: int = 9,
        output: str = "linear",
    ) -> None:
        super().__init__(scale, output)
        steps = upsampling_steps(scale)
        if final_kernel % 2 == 0:
            raise ValueError(f"final_kernel is {final_kernel}; it must be odd")
        self.head = nn.Sequential(
            nn.Conv2d(channels, features, _HEAD_KERNEL, padding=_HEAD_KERNEL // 2), PReLU()
        )
        self.body = nn.Sequential(
            *(_ResidualBlock(features) for _ in range(blocks)),
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
        )
        self.upsampling = nn.Sequential(
            *chain.from_iterable(
                (*subpixel_convolution(features, features, step), PReLU()) for step in steps
            )
        )
        self.tail = nn.Conv2d(features, channels, final_kernel, padding=final_kernel // 2)
        reach = final_kernel // 2
        for step in steps:
            reach = reach_before_shuffle(reach, step) + 1
        reach += 1 + 2 * blocks + _HEAD_KERNEL // 2
        self.descriptor = Descriptor(
            scale=scale, channels=channels, receptive_field=2 * reach + 1, channels_last=True
        )

    def enlarge(self, x: Tensor) -> Tensor:
        x = self.head(x)
        return self.tail(self.upsampling(self.body(x).add_(x)))


@ARCHITECTURES.register
class TinySRGAN(SRResNet):
    """SRResNet's body with 32 features and 6 blocks: 203,724 parameters at scale 4.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), any H and W.

    Args:
        scale: 2, 3 or 4.
        channels: C, of input and output.
        output: "tanh" as in the original, "linear" or "residual".
    """

    def __init__(self, scale: int = 4, channels: int = 3, output: str = "tanh") -> None:
        super().__init__(scale, channels, features=32, blocks=6, final_kernel=3, output=output)


@ARCHITECTURES.register
class MiniSRGAN(SRResNet):
    """SRResNet's body with 64 features and 8 blocks: 942,734 parameters at scale 4.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), any H and W.

    Args:
        scale: 2, 3 or 4.
        channels: C, of input and output.
        output: "tanh" as in the original, "linear" or "residual".
    """

    def __init__(self, scale: int = 4, channels: int = 3, output: str = "tanh") -> None:
        super().__init__(scale, channels, features=64, blocks=8, final_kernel=3, output=output)


class _ResidualBlock(nn.Sequential):
    """Convolution, BN, PReLU, convolution, BN, added to what came in."""

    def __init__(self, features: int) -> None:
        super().__init__(
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
            PReLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).add_(x)
