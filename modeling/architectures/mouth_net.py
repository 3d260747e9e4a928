"""MouthNet: adds to a blurred picture the detail that it lacks."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from layers.padding import pad_to_multiple
from layers.reach import Interval, receptive_field, through_u_shape, widened
from layers.residual import ResidualBlock
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_STEM = 2  # pixels to a side that the finest level takes together


@ARCHITECTURES.register
class MouthNet(nn.Module):
    """U-Net of residual blocks that estimates what sharpens a picture.

    The structure is that of Ronneberger et al., "U-Net", MICCAI 2015, with what restoration has
    learnt since: no batch normalisation (Lim et al., "EDSR", CVPRW 2017), strided convolutions
    down, sub-pixel convolutions up, and skips that are added (Chen et al., "Simple Baselines for
    Image Restoration", ECCV 2022). The finest level works at half the picture's resolution.

    `forward(x)`: (N, C, H, W) in [0, 1] -> the same shape, not clamped; any H and W.

    Args:
        channels: C, of input and output.
        widths: channels of each level, finest first; every level halves the resolution.
        blocks: residual blocks at each level, on the way down and, but for the coarsest level,
            once more on the way up.

    Raises:
        ValueError: `widths` and `blocks` differ in length.
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (32, 64, 128),
        blocks: Sequence[int] = (1, 1, 2),
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks) or not widths:
            raise ValueError(f"widths {widths} and blocks {blocks} need a number for each level")
        self.multiple = _STEM * 2 ** (len(widths) - 1)
        self.unshuffle = nn.PixelUnshuffle(_STEM)
        self.shuffle = nn.PixelShuffle(_STEM)
        self.stem = nn.Conv2d(channels * _STEM**2, widths[0], 3, padding=1)
        levels = list(zip(widths, blocks, strict=True))
        self.encode = nn.ModuleList(_blocks(*level) for level in levels)
        self.decode = nn.ModuleList(_blocks(*level) for level in levels[:-1])
        self.down = nn.ModuleList(
            nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths)
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(coarse, 4 * fine, 1), nn.PixelShuffle(2))
            for fine, coarse in pairwise(widths)
        )
        self.head = nn.Conv2d(widths[0], channels * _STEM**2, 3, padding=1)
        nn.init.zeros_(self.head.weight)  # starts as the identity
        nn.init.zeros_(self.head.bias)
        self.descriptor = Descriptor(
            scale=1,
            channels=channels,
            size_multiple=self.multiple,
            receptive_field=receptive_field(
                self.multiple, lambda interval: _trace(interval, blocks)
            ),
            global_context=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        features = self.stem(self.unshuffle(pad_to_multiple(x, self.multiple)))
        skips = []
        for encode, down in zip(self.encode, self.down, strict=False):
            features = encode(features)
            skips.append(features)
            features = down(features)
        features = self.encode[-1](features)
        for level in reversed(range(len(skips))):
            features = self.decode[level](self.up[level](features) + skips[level])
        detail = self.shuffle(self.head(features))[..., :height, :width]
        return x + detail.to(x.dtype)


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width) for _ in range(count)))


def _trace(interval: Interval, blocks: Sequence[int]) -> Interval:
    """What an interval of the output depends on, of the input."""
    reaches = [2 * count for count in blocks]  # two 3x3 convolutions a block
    *fine, coarsest = reaches
    first, last = interval
    inside = widened((first // _STEM, last // _STEM), 1)  # the head
    inside = through_u_shape(inside, fine, coarsest, fine[::-1])
    first, last = widened(inside, 1)  # the stem
    return _STEM * first, _STEM * last + _STEM - 1
