"""GlareNet: estimates the light that glare is made of and takes it away.

Glare is white light L that varies smoothly over the picture and is recorded as
x = g + L (1 - k g): bright paper gains less than dark ink. Solved for the picture g,

    g = x - b (1 - k x)   with   b = L / (1 - k L).

So a network that looks at the whole picture at one fixed scale estimates two smooth maps, b and k
(near 0.7 on real pictures), and g follows at any resolution and in every colour. Only where x
saturates is something really lost; there a correction is estimated from the picture cleared so far.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layers.color import luminance
from layers.convolution import ConvUnit
from layers.unet import UNetBody
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_STEM = 4  # the light is estimated at this fraction of the working size
_KEEP = 0.7  # k as measured on SD1; the network estimates the difference


@ARCHITECTURES.register
class GlareNet(nn.Module):
    """Removes glare from pictures of any size, gray or colour.

    `forward(x)`: (N, C, H, W) in [0, 1], C 1 or 3 -> the same shape, not clamped. The light is
    estimated on the luminance with the longer side brought to `working_size` pixels, the scale of
    the training pictures, so a large photograph costs hardly more than a small one.

    Args:
        widths: channels of each level of the U-Net, finest first.
        working_size: length in pixels of the longer side at which the light is estimated.
    """

    def __init__(
        self, widths: Sequence[int] = (32, 64, 96, 128, 128), working_size: int = 256
    ) -> None:
        super().__init__()
        self.working_size = working_size
        self.multiple = _STEM * 2 ** (len(widths) - 1)
        self.unshuffle = nn.PixelUnshuffle(_STEM)
        self.shuffle = nn.PixelShuffle(_STEM)
        self.body = UNetBody(_STEM**2, widths)
        self.light = nn.Conv2d(widths[0], 2, 3, padding=1)
        self.refine = nn.Sequential(
            ConvUnit(2 * _STEM**2 + widths[0], widths[0]),
            ConvUnit(widths[0], widths[0]),
            nn.Conv2d(widths[0], _STEM**2, 3, padding=1),
        )
        # Start near the identity: b = 0, no correction.
        for head in (self.light, self.refine[-1]):
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        self.descriptor = Descriptor(
            scale=1,
            channels=0,
            size_multiple=1,
            receptive_field=working_size,
            global_context=True,
            precisions=("float32", "bf16"),
        )

    def forward(self, x: Tensor) -> Tensor:
        size = self._size_at_work(*x.shape[-2:])
        luma = luminance(x)
        small = _resize(luma, size)
        features = self.body(self.unshuffle(small))
        # A light rounded to bf16 would show as steps of a gray level: estimate it at float32.
        with torch.autocast(x.device.type, enabled=False):
            light = self.light(features.to(x.dtype))
        cleared = _clear(small, _resize(light, size))
        correction = self.shuffle(
            self.refine(
                torch.cat([self.unshuffle(small), self.unshuffle(cleared), features], dim=1)
            )
        ).to(x.dtype)
        full = x.shape[-2:]
        return _clear(x, _resize(light, full)) + _resize(correction, full)

    def _size_at_work(self, height: int, width: int) -> tuple[int, int]:
        """Height and width with the longer side at the working size, both multiples of the grid."""
        factor = self.working_size / max(height, width)
        rows, columns = (
            max(1, round(side * factor / self.multiple)) * self.multiple for side in (height, width)
        )
        return rows, columns


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, averaging over all covered pixels where it shrinks.

    Antialiasing changes nothing where it enlarges: asked for always, it leaves no branch that
    would tie an exported network to some sizes.
    """
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)


def _clear(x: Tensor, light: Tensor) -> Tensor:
    """Take light off (N, C, H, W): g = x - b (1 - k x); `light` is b and k - 0.7, (N, 2, H, W)."""
    b, k = light.chunk(2, dim=1)
    return x - b * (1 - (k + _KEEP) * x)
