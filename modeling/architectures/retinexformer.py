"""Retinexformer: lights a picture up, then repairs what was hidden in the dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from layers.memory_format import channels_last, from_pixels, to_pixels
from layers.normalization import LayerNorm2d
from layers.padding import pad_to_multiple
from layers.precision import at_least_float32, in_full_precision
from layers.reach import Interval, receptive_field, through_u_shape, widened
from modeling.checkpoint_layouts import count_parts
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES


@ARCHITECTURES.register
class Retinexformer(nn.Module):
    """One-stage Retinex-based transformer for low light.

    Cai et al., "Retinexformer: One-stage Retinex-based Transformer for Low-light Image
    Enhancement", ICCV 2023. The defaults are the paper's network (1,605,701 parameters, 15.6 GMAC
    at 256x256). Parameters are named as in the authors' checkpoints, which load; as in these, the
    illumination is estimated by a grouped 5x5 convolution where the paper's text has a 9x9 one.

    `forward(x)`: (N, C, H, W) in [0, 1] -> the same shape, not clamped; any H and W.

    Args:
        in_channels: C.
        out_channels: the same number.
        n_feat: channels at full resolution; each level down has twice as many.
        stage: estimators and restorers, one after another.
        num_blocks: attention blocks of each level, finest first.

    Raises:
        ValueError: channels that cannot be.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        n_feat: int = 40,
        stage: int = 1,
        num_blocks: Sequence[int] = (1, 2, 2),
    ) -> None:
        super().__init__()
        if out_channels != in_channels:
            raise ValueError(
                f"out_channels is {out_channels} and in_channels {in_channels}; they must be equal"
            )
        if n_feat % (in_channels + 1):
            raise ValueError(f"n_feat is {n_feat}; it must be a multiple of in_channels + 1")
        self.body = nn.Sequential(*(_Stage(in_channels, n_feat, num_blocks) for _ in range(stage)))
        grid = 2 ** (len(num_blocks) - 1)

        def trace(interval: Interval) -> Interval:
            for _ in range(stage):
                interval = _stage_reach(interval, num_blocks)
            return interval

        self.descriptor = Descriptor(
            scale=1,
            channels=in_channels,
            size_multiple=grid,
            receptive_field=receptive_field(grid, trace),
            global_context=True,
        )

    @classmethod
    def arguments_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """How to build the network of a checkpoint; None where it is of another architecture."""
        first = "body.0.denoiser."
        embedding = state.get(f"{first}embedding.weight")
        if embedding is None or "body.0.estimator.conv1.weight" not in state:
            return None
        levels = range(count_parts(state, f"{first}encoder_layers."))
        places = [*(f"encoder_layers.{level}.0" for level in levels), "bottleneck"]
        n_feat, channels = embedding.shape[:2]
        return {
            "in_channels": channels,
            "out_channels": channels,
            "n_feat": n_feat,
            "stage": count_parts(state, "body."),
            "num_blocks": [count_parts(state, f"{first}{place}.blocks.") for place in places],
        }

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = channels_last(pad_to_multiple(x, self.descriptor.size_multiple))
        return self.body(padded)[..., :height, :width]


def _stage_reach(interval: Interval, num_blocks: Sequence[int]) -> Interval:
    """What an interval of a stage's output depends on, attention aside."""
    blocks = [3 * count for count in num_blocks]  # three 3x3 convolutions each
    inside = widened(interval, 1)  # the mapping
    inside = through_u_shape(inside, blocks[:-1], blocks[-1], blocks[-2::-1], overlap=1)
    return widened(inside, 1 + 2)  # the embedding, the estimator


class _Stage(nn.Module):
    """Lights a picture I up with a map L, to I + I * L, and restores what came to light."""

    def __init__(self, channels: int, features: int, num_blocks: Sequence[int]) -> None:
        super().__init__()
        self.estimator = _IlluminationEstimator(channels, features)
        self.denoiser = _Restorer(channels, features, num_blocks)

    def forward(self, x: Tensor) -> Tensor:
        illumination, light = self.estimator(x)
        return self.denoiser(x + x * light, illumination)


class _IlluminationEstimator(nn.Module):
    """Illumination features and the map to light up with, from a picture and its mean channel."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels + 1, features, 1)
        self.depth_conv = nn.Conv2d(features, features, 5, padding=2, groups=channels + 1)
        self.conv2 = nn.Conv2d(features, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        prior = x.mean(dim=1, keepdim=True)
        illumination = self.depth_conv(self.conv1(torch.cat([x, prior], dim=1)))
        return illumination, in_full_precision(self.conv2, illumination)


class _Restorer(nn.Module):
    """The illumination-guided transformer: a U whose attention heeds the illumination."""

    def __init__(self, channels: int, features: int, num_blocks: Sequence[int]) -> None:
        super().__init__()
        *levels, lowest = num_blocks
        widths = [features * 2**level for level in range(len(num_blocks))]
        self.embedding = _conv3x3(channels, features)
        self.encoder_layers = nn.ModuleList(
            nn.ModuleList([_Blocks(fine, features, count), _halving(fine), _halving(fine)])
            for fine, count in zip(widths[:-1], levels, strict=True)
        )
        self.bottleneck = _Blocks(widths[-1], features, lowest)
        self.decoder_layers = nn.ModuleList(
            nn.ModuleList(
                [
                    nn.ConvTranspose2d(2 * fine, fine, 2, stride=2),
                    nn.Conv2d(2 * fine, fine, 1, bias=False),
                    _Blocks(fine, features, count),
                ]
            )
            for fine, count in zip(reversed(widths[:-1]), reversed(levels), strict=True)
        )
        self.mapping = _conv3x3(features, channels)

    def forward(self, x: Tensor, illumination: Tensor) -> Tensor:
        """Restore a lit picture (N, C, H, W) with the illumination features (N, F, H, W)."""
        features = self.embedding(x)
        skips = []
        for blocks, halve, halve_illumination in self.encoder_layers:
            features = blocks(features, illumination)
            skips.append((features, illumination))
            features, illumination = halve(features), halve_illumination(illumination)
        features = self.bottleneck(features, illumination)
        for enlarge, fuse, blocks in self.decoder_layers:
            skip, illumination = skips.pop()
            features = fuse(torch.cat([enlarge(features), skip], dim=1))
            features = blocks(features, illumination)
        return x + in_full_precision(self.mapping, features)


class _Blocks(nn.Module):
    """Illumination-guided attention blocks: attention and feed-forward, each added."""

    def __init__(self, channels: int, head_channels: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.ModuleList([_GuidedAttention(channels, head_channels), _FeedForward(channels)])
            for _ in range(count)
        )

    def forward(self, x: Tensor, illumination: Tensor) -> Tensor:
        for attend, feed_forward in self.blocks:
            x = x + attend(x, illumination)
            x = x + feed_forward(x)
        return x


class _GuidedAttention(nn.Module):
    """Illumination-guided multi-head self-attention: (N, C, H, W) twice -> the same shape.

    Channels attend to channels, so its cost grows with the number of pixels only linearly.
    """

    def __init__(self, channels: int, head_channels: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.rescale = nn.Parameter(torch.ones(self.heads, 1, 1))
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.proj = nn.Linear(channels, channels)
        self.pos_emb = nn.Sequential(
            _conv3x3(channels, channels, groups=channels),
            nn.GELU(),
            _conv3x3(channels, channels, groups=channels),
        )

    def forward(self, x: Tensor, illumination: Tensor) -> Tensor:
        pixels = to_pixels(x)
        values = self.to_v(pixels)
        attention = self._attention(self.to_q(pixels), self.to_k(pixels))
        guided = self._by_head(values * to_pixels(illumination))
        attended = (guided @ attention.to(guided.dtype).mT).transpose(1, 2).reshape(values.shape)
        return from_pixels(self.proj(attended)) + self.pos_emb(from_pixels(values))

    def _attention(self, queries: Tensor, keys: Tensor) -> Tensor:
        """How much each channel heeds each other one, (N, heads, C / heads, C / heads).

        Queries and keys are normalised over the pixels: here, what becomes of them is. The sums
        are over all pixels of a picture, which half precision would lose or overflow.
        """
        with torch.autocast(queries.device.type, enabled=False):
            queries, keys = (at_least_float32(self._by_head(part)) for part in (queries, keys))
            similarity = keys.mT @ queries
            similarity = similarity * _inverse_norms(keys).mT * _inverse_norms(queries)
            return torch.softmax(similarity * self.rescale, dim=-1)

    def _by_head(self, pixels: Tensor) -> Tensor:
        """(N, H, W, C) -> (N, heads, H W, C / heads)."""
        return pixels.flatten(1, 2).unflatten(2, (self.heads, -1)).transpose(1, 2)


def _inverse_norms(x: Tensor) -> Tensor:
    """1 / the norm of each column of (..., P, C), as (..., 1, C); a norm of 0 counts as 1e-12."""
    # A product, of which only the diagonal is used, is several times faster than sums down columns.
    squares = (x.mT @ x).diagonal(dim1=-2, dim2=-1)
    return squares.clamp_min(1e-24).rsqrt().unsqueeze(-2)


class _FeedForward(nn.Module):
    """Normalisation and an inverted bottleneck with a depthwise convolution."""

    def __init__(self, channels: int, expansion: int = 4) -> None:
        super().__init__()
        wide = channels * expansion
        self.norm = LayerNorm2d(channels, eps=1e-5)
        self.fn = nn.Module()
        self.fn.net = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.GELU(),
            _conv3x3(wide, wide, groups=wide),
            nn.GELU(),
            nn.Conv2d(wide, channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.fn.net(self.norm(x))


def _conv3x3(channels_in: int, channels_out: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, groups=groups, bias=False)


def _halving(channels: int) -> nn.Conv2d:
    """To half the resolution and twice the channels."""
    return nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False)
