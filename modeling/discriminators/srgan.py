"""The discriminator of SRGAN: one score a picture."""

from itertools import pairwise

from torch import Tensor, nn

from modeling.registries import DISCRIMINATORS

_SLOPE = 0.2
_POOLED = 6  # what four halvings leave of the paper's patch of 96 pixels


@DISCRIMINATORS.register
class SRGANDiscriminator(nn.Module):
    """Eight convolutions, four of them strided, and two dense layers.

    Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
    Network", CVPR 2017, figure 4. Features are pooled to 6 x 6 before the dense layers: with
    patches of 96 pixels that changes nothing, and any other size fits too.

    `forward(x)`: (N, C, H, W) in [0, 1], any H and W -> (N, 1), logits.

    Args:
        channels: C.
        features: channels of the first layer; the last has eight times as many.
    """

    def __init__(self, channels: int = 3, features: int = 64) -> None:
        super().__init__()
        widths = [features * factor for factor in (1, 1, 2, 2, 4, 4, 8, 8)]
        self.features = nn.Sequential(
            nn.Conv2d(channels, features, 3, padding=1),
            nn.LeakyReLU(_SLOPE, inplace=True),
            *(
                _unit(before, width, stride=2 if number % 2 == 0 else 1)
                for number, (before, width) in enumerate(pairwise(widths))
            ),
            nn.AdaptiveAvgPool2d(_POOLED),
        )
        self.score = nn.Sequential(
            nn.Flatten(),
            nn.Linear(widths[-1] * _POOLED**2, 16 * features),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.Linear(16 * features, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.score(self.features(2 * x - 1))


def _unit(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )
