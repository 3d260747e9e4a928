"""The U-Net of the earlier glare project, kept as the baseline to compare with."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layers.padding import pad_to_multiple
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES


@ARCHITECTURES.register
class OriginalGlareUNet(nn.Module):
    """The earlier project's network, 22,325,505 parameters.

    Two 3x3 convolutions with batch normalisation a level, transposed 2x2 upsampling, skips
    concatenated and not convolved afterwards: every output pixel of a 2x2 block comes from the
    same coarse pixel, hence visible blocks. Whether its output passed through an activation is
    not known; here it does not.

    `forward(x)`: (N, 1, H, W) in [0, 1] -> the same shape, not clamped; any H and W.

    Args:
        widths: channels of each level, finest first; the default is the earlier project's.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 1024)) -> None:
        super().__init__()
        befores = (1, *widths[:-1])
        self.down = nn.ModuleList(
            _double_convolution(before, width)
            for before, width in zip(befores, widths, strict=True)
        )
        # Above the lowest level each upsampling takes a concatenation, twice the level's width.
        taken = (*(2 * width for width in widths[1:-1]), widths[-1])
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(before, width, 2, stride=2)
            for before, width in zip(reversed(taken), reversed(widths[:-1]), strict=True)
        )
        self.head = nn.Conv2d(2 * widths[0], 1, 3, padding=1)
        self.descriptor = Descriptor(
            scale=1,
            channels=1,
            size_multiple=2 ** (len(widths) - 1),
            receptive_field=_receptive_field(len(widths)),
            global_context=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = pad_to_multiple(x, self.descriptor.size_multiple)
        skips = []
        for level, stage in enumerate(self.down):
            x = stage(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for stage, skip in zip(self.up, reversed(skips), strict=True):
            x = torch.cat([skip, stage(x)], dim=1)
        return self.head(x)[..., :height, :width]


def _double_convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels_out, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def _receptive_field(levels: int) -> int:
    """Side in pixels of the square around an output pixel that it depends on."""
    block = 2 ** (levels - 1)  # the pixels that one of the coarsest level stands for
    # Two 3x3 convolutions a level reach two steps at its spacing; the head steps into the next
    # block, all of which comes from the same coarse pixel.
    return 2 * (2 * (2 * block - 1) + block) + 1
