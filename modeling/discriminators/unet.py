"""A U-Net that scores every pixel, held to a Lipschitz constant by spectral normalisation."""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from modeling.registries import DISCRIMINATORS

_SLOPE = 0.2
_LEVELS = 3


@DISCRIMINATORS.register
class UNetDiscriminator(nn.Module):
    """Says of each pixel how real it looks, from three scales with skips that are added.

    Wang et al., "Real-ESRGAN", ICCVW 2021, section 3.3; spectral normalisation is that of Miyato
    et al., ICLR 2018. 4,376,897 parameters for RGB.

    `forward(x)`: (N, C, H, W) in [0, 1], H and W at least 8 -> (N, 1, H, W), logits.

    Args:
        channels: C.
        features: channels at full resolution, doubled by each of three halvings.
    """

    def __init__(self, channels: int = 3, features: int = 64) -> None:
        super().__init__()
        widths = [features * 2**level for level in range(_LEVELS + 1)]
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.down = nn.ModuleList(
            _normalised(nn.Conv2d(fine, coarse, 4, stride=2, padding=1, bias=False))
            for fine, coarse in zip(widths[:-1], widths[1:], strict=True)
        )
        self.up = nn.ModuleList(
            _normalised(nn.Conv2d(coarse, fine, 3, padding=1, bias=False))
            for fine, coarse in zip(widths[:-1], widths[1:], strict=True)
        )
        self.tail = nn.Sequential(
            _normalised(nn.Conv2d(features, features, 3, padding=1, bias=False)),
            nn.LeakyReLU(_SLOPE, inplace=True),
            _normalised(nn.Conv2d(features, features, 3, padding=1, bias=False)),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.Conv2d(features, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = _activate(self.head(x))
        skips = []
        for convolution in self.down:
            skips.append(x)
            x = _activate(convolution(x))
        for convolution, skip in zip(reversed(self.up), reversed(skips), strict=True):
            # To the skip's size, not by a factor: odd sizes were rounded on the way down.
            x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            x = _activate(convolution(x)) + skip
        return self.tail(x)


def _normalised(convolution: nn.Conv2d) -> nn.Module:
    return spectral_norm(convolution)


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE, inplace=True)
