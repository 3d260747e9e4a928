"""MIRNet: parallel streams at several resolutions that exchange what they find."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layers.activation import PReLU
from layers.convolution import convolution
from layers.memory_format import channels_last
from layers.padding import pad_to_multiple
from layers.precision import in_full_precision
from layers.reach import Interval, hull, receptive_field, widened
from layers.recompute import Recomputable
from layers.resampling import Doublings, Halvings, before_resampling
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES

_REDUCTION = 8  # channels that an attention thinks in, as a fraction of those it weighs
# A group, a block of it, a stream and a column, in the name of what a dual attention unit holds.
_UNIT_NAME = re.compile(r"body\.(\d+)\.body\.(\d+)\.blocks\.(\d+)\.(\d+)\.")
_UNIT_REACH = 4  # of a dual attention unit: two 3x3 convolutions and one of 5x5 for its attention


@ARCHITECTURES.register
class MIRNet(nn.Module):
    """Multi-scale residual blocks with attention, for low light, noise and super-resolution.

    Zamir et al., "Learning Enriched Features for Real Image Restoration and Enhancement", ECCV
    2020. The defaults are the authors' network (31,787,419 parameters); `n_feat` makes smaller ones
    by width, `n_RRG` and `n_MSRB` by depth, `height` by the number of resolutions. Parameters are
    named as in the authors' checkpoints, which load. There one dual attention unit serves every
    column of a stream and has a name in each; it is saved under the first.

    `forward(x)`: (N, C, H, W) in [0, 1] -> the same shape, not clamped; any H and W.

    Args:
        in_channels: C, of input and output.
        n_feat: channels at full resolution; each stream below has twice as many.
        n_RRG: recursive residual groups.
        n_MSRB: multi-scale residual blocks of a group.
        height: streams of a block; each has half the resolution of the one above.
        width: columns of a block; before each but the first, streams exchange what they have.

    Raises:
        ValueError: fewer streams, columns or channels than there can be.
    """

    def __init__(
        self,
        in_channels: int = 3,
        n_feat: int = 64,
        n_RRG: int = 3,
        n_MSRB: int = 2,
        height: int = 3,
        width: int = 2,
    ) -> None:
        super().__init__()
        if n_feat < _REDUCTION:
            raise ValueError(f"n_feat is {n_feat}; it must be at least {_REDUCTION}")
        if height < 2 or width < 2:
            raise ValueError(f"height is {height} and width {width}; both must be at least 2")
        slope = PReLU()  # one for every dual attention unit
        self.conv_in = convolution(in_channels, n_feat, 3)
        self.body = nn.Sequential(
            *(_Group(n_feat, n_MSRB, height, width, slope) for _ in range(n_RRG))
        )
        self.conv_out = convolution(n_feat, in_channels, 3)

        def trace(interval: Interval) -> Interval:
            interval = widened(interval, 1)  # the last convolution
            for _ in range(n_RRG):
                interval = widened(interval, 1)  # the group's
                for _ in range(n_MSRB):
                    interval = _through_block(interval, height, width)
            return widened(interval, 1)  # the first

        grid = 2 ** (height - 1)
        self.descriptor = Descriptor(
            scale=1,
            channels=in_channels,
            size_multiple=grid,
            receptive_field=receptive_field(grid, trace),
            global_context=True,
        )

    @classmethod
    def arguments_of(cls, state: Mapping[str, Tensor]) -> dict[str, int] | None:
        """How to build the network of a checkpoint; None where it is of another architecture.

        Columns are one unit: weights that are saved without the names of the others do not tell how
        many there are, and are taken to have the paper's two.
        """
        places = [match.groups() for match in map(_UNIT_NAME.match, state) if match]
        if not places or "conv_in.weight" not in state:
            return None
        n_feat, in_channels = state["conv_in.weight"].shape[:2]
        groups, blocks, height, width = (
            1 + max(map(int, axis)) for axis in zip(*places, strict=True)
        )
        return {
            "in_channels": in_channels,
            "n_feat": n_feat,
            "n_RRG": groups,
            "n_MSRB": blocks,
            "height": height,
            "width": max(width, 2),
        }

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = pad_to_multiple(x, self.descriptor.size_multiple)
        features = self.body(self.conv_in(channels_last(padded)))
        return x + in_full_precision(self.conv_out, features)[..., :height, :width]


class _Group(nn.Module):
    """Recursive residual group: (N, C, H, W) -> the same shape."""

    def __init__(self, features: int, blocks: int, height: int, width: int, slope: PReLU) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(_MultiScaleBlock(features, height, width, slope) for _ in range(blocks)),
            convolution(features, features, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).add_(x)


class _MultiScaleBlock(Recomputable):
    """Multi-scale residual block: (N, C, H, W) -> the same shape.

    Stream j has 2**j times the channels and 1 / 2**j of the height and width of stream 0.
    """

    def __init__(self, features: int, height: int, width: int, slope: PReLU) -> None:
        super().__init__()
        self.columns = width
        self.channels = [features * 2**stream for stream in range(height)]
        units = (_DualAttentionUnit(channels, slope) for channels in self.channels)
        self.blocks = nn.ModuleList(nn.ModuleList([unit] * width) for unit in units)
        self.selective_kernel = nn.ModuleList(
            _SelectiveKernelFusion(channels, height) for channels in self.channels
        )
        self.down, self.up, self.last_up = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for stream, channels in enumerate(self.channels):
            for steps in range(1, height - stream):
                self.down[f"{channels}_{2**steps}"] = Halvings(channels, steps)
            for steps in range(1, stream + 1):
                self.up[f"{channels}_{2**steps}"] = Doublings(channels, steps)
            if stream > 0:
                self.last_up[str(stream)] = Doublings(channels, stream)
        self.conv_out = convolution(features, features, 3)

    def forward(self, x: Tensor) -> Tensor:
        streams = [self.blocks[0][0](x)]
        given = {}  # what a stream gives to the one below, which starts from it
        for stream in range(1, len(self.channels)):
            given[stream - 1, stream] = self._moved(streams[-1], stream - 1, stream)
            streams.append(self.blocks[stream][0](given[stream - 1, stream]))
        for column in range(1, self.columns):
            streams = [
                self.blocks[stream][column](self._exchanged(streams, stream, given))
                for stream in range(len(streams))
            ]
            given = {}
        merged = [streams[0]]
        merged += [self.last_up[str(stream)](streams[stream]) for stream in range(1, len(streams))]
        return self.conv_out(self.selective_kernel[0](merged)).add_(x)

    def _exchanged(
        self, streams: Sequence[Tensor], target: int, given: dict[tuple[int, int], Tensor]
    ) -> Tensor:
        """All streams fused at the resolution of one; what is in `given` is there already."""
        arriving = [
            given[source, target]
            if (source, target) in given
            else self._moved(features, source, target)
            for source, features in enumerate(streams)
        ]
        return self.selective_kernel[target](arriving)

    def _moved(self, features: Tensor, source: int, target: int) -> Tensor:
        """Features of one stream at the resolution and with the channels of another."""
        if source == target:
            return features
        ways = self.down if source < target else self.up
        return ways[f"{self.channels[source]}_{2 ** abs(target - source)}"](features)


class _DualAttentionUnit(nn.Module):
    """Attention to pixels and to channels: (N, C, H, W) -> the same shape."""

    def __init__(self, features: int, slope: PReLU) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(features, features, 3),
            slope,
            convolution(features, features, 3),
        )
        self.SA = _SpatialAttention()
        self.CA = _ChannelAttention(features)
        self.conv1x1 = convolution(2 * features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        details = self.body(x)
        # The 1x1 convolution of both, side by side, is the sum of one of each; and where it is
        # weighed, one weight a pixel, comes to the same before and after.
        by_pixel, by_channel = self.conv1x1.weight.chunk(2, dim=1)
        weighed = F.conv2d(details * self.CA(details), by_channel)
        return weighed.addcmul_(F.conv2d(details, by_pixel), self.SA(details)).add_(x)


class _SpatialAttention(nn.Module):
    """(N, C, H, W) -> a weight in [0, 1] of each pixel, (N, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial = nn.ModuleDict({"conv": convolution(2, 1, 5)})

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)
        return self.spatial["conv"](pooled).sigmoid()


class _ChannelAttention(nn.Module):
    """(N, C, H, W) -> a weight in [0, 1] of each channel, (N, C, 1, 1)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        inside = features // _REDUCTION
        self.conv_du = nn.Sequential(
            convolution(features, inside, 1), nn.ReLU(), convolution(inside, features, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_du(x.mean((2, 3), keepdim=True)).sigmoid()


class _SelectiveKernelFusion(nn.Module):
    """Streams of the same shape (N, C, H, W) -> one.

    Each channel is a mean of the streams', weighed by a softmax over the streams.
    """

    def __init__(self, features: int, streams: int) -> None:
        super().__init__()
        inside = max(features // _REDUCTION, 4)
        self.conv_du = nn.Sequential(convolution(features, inside, 1), PReLU())
        self.fcs = nn.ModuleList(convolution(inside, features, 1) for _ in range(streams))

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        # The mean of the sum, without the sum.
        means = torch.stack([stream.mean((2, 3), keepdim=True) for stream in streams])
        compact = self.conv_du(means.sum(0))
        # Autocast gives a softmax in float32, which would make the features float32 too.
        weights = torch.stack([fc(compact) for fc in self.fcs]).softmax(0).to(compact.dtype)
        fused = streams[0] * weights[0]
        for stream, weight in zip(streams[1:], weights[1:], strict=True):
            fused.addcmul_(stream, weight)
        return fused


def _through_block(interval: Interval, height: int, width: int) -> Interval:
    """What an interval of a multi-scale block's output needs of its input."""
    merged = widened(interval, 1)  # the last convolution
    streams = [before_resampling(merged, -stream) for stream in range(height)]
    for _ in range(width - 1):
        units = [widened(stream, _UNIT_REACH) for stream in streams]
        streams = [
            hull(before_resampling(unit, target - source) for target, unit in enumerate(units))
            for source in range(height)
        ]
    for stream in range(height - 1, 0, -1):
        start = before_resampling(widened(streams[stream], _UNIT_REACH), 1)
        streams[stream - 1] = hull([streams[stream - 1], start])
    return widened(streams[0], _UNIT_REACH)
