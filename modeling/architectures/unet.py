"""UNet: predicts what to take away from a picture."""

from collections.abc import Sequence

from torch import Tensor, nn

from layers.padding import pad_to_multiple
from layers.unet import UNetBody
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES


@ARCHITECTURES.register
class UNet(nn.Module):
    """U-Net that estimates the harm done to a picture as a residual.

    Ronneberger et al., "U-Net", MICCAI 2015, with bilinear upsampling and convolutions after each
    concatenation. For glare the residual is the added light. `forward(x)`: (N, C, H, W) in [0, 1]
    -> the same shape, not clamped; any H and W.

    Args:
        channels: C, of input and output.
        widths: channels of each level, finest first.
    """

    def __init__(self, channels: int = 1, widths: Sequence[int] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.body = UNetBody(channels, widths)
        self.head = nn.Conv2d(widths[0], channels, 3, padding=1)
        nn.init.zeros_(self.head.weight)  # starts as the identity
        nn.init.zeros_(self.head.bias)
        self.descriptor = Descriptor(
            channels_last=True,
            scale=1,
            channels=channels,
            size_multiple=self.multiple,
            receptive_field=_receptive_field(len(widths)),
            global_context=False,
            precisions=("float32", "bf16", "fp16"),
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        residual = self.head(self.body(pad_to_multiple(x, self.multiple)))
        return x - residual[..., :height, :width]


def _receptive_field(levels: int) -> int:
    """Side in pixels of the square around an output pixel that it depends on.

    Going down, two 3x3 convolutions a level reach 2 steps each way at that level's spacing (the
    first of them, strided, at the finer spacing). Going up, bilinear interpolation reaches one
    coarse step and two convolutions two steps of the finer level.
    """
    reach = 2
    for level in range(1, levels):
        reach += 2 ** (level - 1) + 2**level  # down: the strided convolution, the second one
        reach += 2**level + 2 * 2 ** (level - 1)  # up: interpolation, two convolutions
    return 2 * (reach + 1) + 1  # and the head
