"""PatchGAN: one score for each overlapping patch of a picture."""

from torch import Tensor, nn

from modeling.registries import DISCRIMINATORS

_SLOPE = 0.2


@DISCRIMINATORS.register
class PatchGAN(nn.Module):
    """Judges texture only, patch by patch; fully convolutional.

    Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
    appendix 6.1.2: with three strided layers a score sees 70 x 70 pixels. For a discriminator that
    sees the input too, concatenate the pictures and double `channels`.

    `forward(x)`: (N, C, H, W) in [0, 1], H and W at least 3 * 2 ** layers -> (N, 1, h, w), logits;
    h and w are about H / 2 ** layers - 2.

    Args:
        channels: C.
        features: channels of the first layer, doubled by each following one up to eight times.
        layers: strided layers.
    """

    def __init__(self, channels: int = 3, features: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [features * min(2**number, 8) for number in range(layers + 1)]
        strided = [_unit(widths[k], widths[k + 1], stride=2) for k in range(layers - 1)]
        self.layers = nn.Sequential(
            nn.Conv2d(channels, features, 4, stride=2, padding=1),
            nn.LeakyReLU(_SLOPE, inplace=True),
            *strided,
            _unit(widths[-2], widths[-1], stride=1),
            nn.Conv2d(widths[-1], 1, 4, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(2 * x - 1)


def _unit(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 4, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )
