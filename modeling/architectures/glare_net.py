"""GlareNet: estimates the light that glare is made of and takes it away.

Glare is white light L that varies smoothly over the picture and is recorded as
x = g + L (1 - k g): bright paper gains less than dark ink. Solved for the picture g,

    g = x - b (1 - k x)   with   b = L / (1 - k L).

So a network that looks at the whole picture at one fixed scale estimates two smooth maps, b and k
(near 0.7 on real pictures), and g follows at any resolution and in every colour. Only where x
saturates is something really lost; there a correction is estimated from the picture cleared so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from layers.color import luminance
from layers.convolution import ConvUnit
from layers.strips import resize_bilinear, shrink_strips
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
            channels_last=True,
            scale=1,
            channels=0,
            size_multiple=1,
            receptive_field=1,  # beside the look at the whole picture
            global_context=True,
            precisions=("float32", "bf16"),
        )

    def forward(self, x: Tensor) -> Tensor:
        light, correction = self._estimate(self._shrunk(x))
        full = x.shape[-2:]
        return _clear(x, resize_bilinear(light, full)) + resize_bilinear(correction, full)

    def look(self, strips: Iterable[Tensor], size: Sequence[int]) -> tuple[_Stretched, _Stretched]:
        """Light and correction of a whole picture; see `modeling.descriptor.SeesWhole`."""
        gray = map(luminance, strips)
        small = shrink_strips(gray, size[0], self._size_at_work(*size))
        light, correction = self._estimate(small.to(self.light.weight.device))
        return _Stretched(light, size), _Stretched(correction, size)

    def restore_part(
        self, x: Tensor, seen: tuple[_Stretched, _Stretched], top: int, left: int
    ) -> Tensor:
        """Rows from `top` and columns from `left` of the picture looked at, as in `forward`."""
        light, correction = (maps.part(top, left, *x.shape[-2:]) for maps in seen)
        return _clear(x, light) + correction

    def _shrunk(self, x: Tensor) -> Tensor:
        return resize_bilinear(luminance(x), self._size_at_work(*x.shape[-2:]))

    def _estimate(self, small: Tensor) -> tuple[Tensor, Tensor]:
        """Light, (N, 2, h / 4, w / 4), and correction, (N, 1, h, w), at the working size."""
        features = self.body(self.unshuffle(small))
        # A light rounded to bf16 would show as steps of a gray level: estimate it at float32.
        with torch.autocast(small.device.type, enabled=False):
            light = self.light(features.to(small.dtype))
        cleared = _clear(small, resize_bilinear(light, small.shape[-2:]))
        correction = self.shuffle(
            self.refine(
                torch.cat([self.unshuffle(small), self.unshuffle(cleared), features], dim=1)
            )
        )
        return light, correction.to(small.dtype)

    def _size_at_work(self, height: int, width: int) -> tuple[int, int]:
        """Height and width with the longer side at the working size, both multiples of the grid."""
        grid = max(height, width) * self.multiple
        rows, columns = (
            # One division of whole numbers, whose halves are exact in an exported graph too.
            max(1, round(side * self.working_size / grid)) * self.multiple
            for side in (height, width)
        )
        return rows, columns


class _Stretched:
    """A map (N, C, h, w) at the whole picture's size, of which only parts are ever made."""

    def __init__(self, small: Tensor, size: Sequence[int]) -> None:
        self._small = small
        # What resizing takes from each row and column: the identity, resized.
        self._rows, self._columns = (
            resize_bilinear(torch.eye(old).to(small)[None, None], (new, old))[0, 0]
            for old, new in zip(small.shape[-2:], size, strict=True)
        )

    def part(self, top: int, left: int, height: int, width: int) -> Tensor:
        """These rows and columns of the stretched map, (N, C, height, width)."""
        rows, columns = self._rows[top : top + height], self._columns[left : left + width]
        with torch.autocast(self._small.device.type, enabled=False):
            return rows @ self._small @ columns.T


def _clear(x: Tensor, light: Tensor) -> Tensor:
    """Take light off (N, C, H, W): g = x - b (1 - k x); `light` is b and k - 0.7, (N, 2, H, W)."""
    b, k = light.chunk(2, dim=1)
    return x - b * (1 - (k + _KEEP) * x)
