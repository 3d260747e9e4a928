"""LowLightNet: NAFNet's blocks at half the resolution, after a fixed guess of the exposure."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layers.naf import NAFBody
from layers.padding import pad_to_multiple
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_SHUFFLE = 2  # the body works at this fraction of the resolution
_KEY = 0.3  # brightness that the mean of a picture is brought to before tones are compressed
_DARKEST = 0.01  # keeps the exposure of a black picture finite
_COLOURS = 3
# What the body sees of a pixel: the exposed picture, the input's square root, the exposure.
_PLANES = 2 * _COLOURS + 1


@ARCHITECTURES.register
class LowLightNet(nn.Module):
    """Lifts the darkness of pictures, at a cost that a CPU bears.

    A picture x of mean m is first exposed as in Reinhard et al., "Photographic Tone Reproduction
    for Digital Images", SIGGRAPH 2002 (equations 2 and 3, with the plain mean)::

        k = 0.3 / (m + 0.01),    z = k x / (1 + k x)

    so that dark and very dark pictures look alike. A NAFNet (see there) corrects z from z itself,
    sqrt(x), in which noise is about as strong everywhere, and log k, which tells how dark it was.
    It works on blocks of 2x2 pixels as channels (Shi et al., "Real-Time Single Image and Video
    Super-Resolution", CVPR 2016): a quarter of the pixels, twice the sight.

    In tiles the exposure is the whole picture's; the attention of NAFNet is each tile's own.

    `forward(x)`: (N, 3, H, W) in [0, 1] -> the same shape, not clamped; any H and W.

    Args:
        width: channels of the body's finest level.
        middle_blk_num: blocks at its lowest level.
        enc_blk_nums: blocks of each level on the way down, finest first.
        dec_blk_nums: blocks of each level on the way up, coarsest first.
    """

    def __init__(
        self,
        width: int = 32,
        middle_blk_num: int = 2,
        enc_blk_nums: Sequence[int] = (1, 1, 2),
        dec_blk_nums: Sequence[int] = (1, 1, 2),
    ) -> None:
        super().__init__()
        self.body = NAFBody(
            _PLANES * _SHUFFLE**2,
            _COLOURS * _SHUFFLE**2,
            width,
            middle_blk_num,
            enc_blk_nums,
            dec_blk_nums,
        )
        reach = _SHUFFLE * (self.body.receptive_field // 2) + _SHUFFLE - 1
        self.descriptor = Descriptor(
            scale=1,
            channels=_COLOURS,
            size_multiple=_SHUFFLE * self.body.multiple,
            receptive_field=2 * reach + 1,
            global_context=True,
            equal_parts=False,  # the body's attention averages over the part
            precisions=("float32", "bf16"),  # the body's
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.restore_part(x, _gain(x.mean((1, 2, 3), keepdim=True)))

    def look(self, strips: Iterable[Tensor], size: Sequence[int]) -> Tensor:
        """The factor k that exposes whole pictures, (N, 1, 1, 1); see `SeesWhole`."""
        mean = sum(x.mean((1, 2, 3), keepdim=True) * (x.shape[-2] / size[0]) for x in strips)
        return _gain(mean)

    def restore_part(self, x: Tensor, seen: Tensor, top: int = 0, left: int = 0) -> Tensor:
        """A part of the pictures looked at, wherever it lies, exposed as the whole is."""
        height, width = x.shape[-2:]
        padded = pad_to_multiple(x, _SHUFFLE)
        gain = seen.to(x.device)
        exposed = gain * padded / (1 + gain * padded)
        # Without the small offset the root's slope at 0 would be infinite.
        root = (padded + 1e-3).sqrt()
        exposure = gain.log().expand(-1, 1, *padded.shape[-2:])
        planes = F.pixel_unshuffle(torch.cat([exposed, root, exposure], dim=1), _SHUFFLE)
        restored = exposed + F.pixel_shuffle(self.body(planes), _SHUFFLE)
        return restored[..., :height, :width]


def _gain(mean: Tensor) -> Tensor:
    """The factor k that exposes pictures of this mean."""
    return _KEY / (mean + _DARKEST)
