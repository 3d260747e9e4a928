"""The autoencoder of the earlier mouth project, kept as the baseline to compare with."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_SIDE = 128  # pixels of the pictures that the network was made for
_WIDTHS = (32, 40, 64, 80, 128, 256)  # channels at 64, 32, 16, 8, 4 and 2 pixels
_CODE = 256  # numbers between encoder and decoder
_COARSEST = (_WIDTHS[-1], 2, 2)


@ARCHITECTURES.register
class MouthAutoencoder(nn.Module):
    """An earlier project's network for blurred mouths: 49,152 values through a code of 256.

    The encoder has 731,576 parameters, the decoder 1,322,171, which leaves no room for batch
    normalisation or activations with parameters; that they are ReLUs, with a sigmoid at the end,
    is our choice. Without skips nothing finer than the code gets through, so it must blur;
    `MouthNet` keeps what is there.

    `forward(x)`: (N, 3, H, W) in [0, 1] -> the same shape in [0, 1]. The network sees 128x128
    pixels: a picture of another size is resized to that and back (bilinear, antialiased).

    Args:
        dropout: share of the values dropped while it trains, after the encoder's 2nd, 4th and 6th
            and the decoder's 1st, 3rd, 5th and 6th convolution.
    """

    descriptor = Descriptor(scale=1, channels=3, receptive_field=1, global_context=True)

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = nn.Sequential()
        for number, (before, width) in enumerate(pairwise((3, *_WIDTHS)), start=1):
            self.encoder.append(nn.Conv2d(before, width, 3, stride=2, padding=1))
            self.encoder.append(nn.ReLU(inplace=True))
            if number in (2, 4, 6):
                self.encoder.append(nn.Dropout(dropout))
        flat = _WIDTHS[-1] * 2 * 2
        self.encoder.extend([nn.Flatten(), nn.Linear(flat, _CODE)])

        widths = _WIDTHS[::-1]
        self.decoder = nn.Sequential(
            nn.Linear(_CODE, flat), nn.ReLU(inplace=True), nn.Unflatten(1, _COARSEST)
        )
        for number, (before, width) in enumerate(pairwise((widths[0], *widths)), start=1):
            self.decoder.append(
                nn.ConvTranspose2d(before, width, 3, stride=2, padding=1, output_padding=1)
            )
            self.decoder.append(nn.ReLU(inplace=True))
            if number in (1, 3, 5, 6):
                self.decoder.append(nn.Dropout(dropout))
        self.decoder.extend([nn.ConvTranspose2d(widths[-1], 3, 3, padding=1), nn.Sigmoid()])

    def forward(self, x: Tensor) -> Tensor:
        y = self.decoder(self.encoder(_resize(x, _SIDE, _SIDE))).to(x.dtype)
        return _resize(y, *x.shape[-2:])


def _resize(x: Tensor, height: int, width: int) -> Tensor:
    """Bilinear, averaging where it shrinks; at its own size a picture stays as it is."""
    return F.interpolate(x, (height, width), mode="bilinear", align_corners=False, antialias=True)
