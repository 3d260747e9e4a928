"""Networks one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, lcm
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from layers.padding import pad_to_multiple
from modeling.checkpoint_layouts import network_state
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES
from utils.errors import CheckpointError
from utils.registry import build_part
from utils.state_dicts import read_state_dict

_BICUBIC_REACH = 2  # pixels to each side, of the shrunk picture


@ARCHITECTURES.register
class Chain(nn.Module):
    """Architectures in a row: what one gives, the next one takes.

    A picture that is shrunk first and then enlarged by super-resolution keeps its size and loses
    blur: `shrink: 4` before an EDSR of scale 4.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), not clamped; any H and W.

    Args:
        steps: the architectures in order, each `{NAME: ..., ARGS: {...}, WEIGHTS: FILE}`; without
            WEIGHTS a step starts from random ones, or has none.
        shrink: how many times smaller the picture becomes before the first step (bicubic,
            antialiased); the steps' scales must make up for it.

    Raises:
        ConfigError: a step that cannot be built.
        CheckpointError: weights that cannot be read or do not fit their step.
        ValueError: no steps, or steps that do not go together.
    """

    def __init__(self, steps: Sequence[Mapping[str, Any]], shrink: int = 1) -> None:
        super().__init__()
        self.shrink = shrink
        self.steps = nn.Sequential(
            *(_build(step, f"steps.{number}") for number, step in enumerate(steps))
        )
        filled = [bool(step.get("WEIGHTS")) for step in steps]
        self.descriptor = _described([step.descriptor for step in self.steps], filled, shrink)

    def forward(self, x: Tensor) -> Tensor:
        height, width = (side * self.descriptor.scale for side in x.shape[-2:])
        if self.shrink > 1:
            x = pad_to_multiple(x, self.shrink)
            size = (x.shape[-2] // self.shrink, x.shape[-1] // self.shrink)
            x = F.interpolate(x, size, mode="bicubic", align_corners=False, antialias=True)
        return self.steps(x)[..., :height, :width]


def _build(step: Mapping[str, Any], key: str) -> nn.Module:
    model: nn.Module = build_part(ARCHITECTURES, step, key)
    if path := step.get("WEIGHTS"):
        try:
            model.load_state_dict(network_state(read_state_dict(path)))
        except RuntimeError as error:
            raise CheckpointError(
                f"{path}: does not fit {key}, {step['NAME']}; ARGS must be those it was trained "
                "with"
            ) from error
    return model


def _described(steps: Sequence[Descriptor], filled: Sequence[bool], shrink: int) -> Descriptor:
    """What is true of the row.

    The receptive field is what all steps together can reach; where their grids differ, it may be
    a few pixels more than what they do.
    """
    if not steps or shrink < 1:
        raise ValueError("steps must name an architecture and shrink be at least 1")
    channels = {step.channels for step in steps} - {0}
    if len(channels) > 1:
        raise ValueError("steps of gray and of colour do not go together")
    scale, grid = Fraction(1, shrink), shrink
    reach = Fraction(_BICUBIC_REACH * shrink if shrink > 1 else 0)
    for step in steps:  # in pixels of the input
        grid = lcm(grid, (step.size_multiple / scale).numerator)
        reach += (step.receptive_field // 2) / scale
        scale *= step.scale
    if scale.denominator > 1:
        raise ValueError(f"shrink is {shrink}, which the steps' scales do not make up for")
    shared = set.intersection(*(set(step.precisions) for step in steps))
    return Descriptor(
        scale=scale.numerator,
        channels=next(iter(channels), 0),
        size_multiple=grid,
        receptive_field=2 * ceil(reach) + 1,
        global_context=any(step.global_context for step in steps),
        precisions=tuple(name for name in steps[0].precisions if name in shared),
        pretrained=all(has or step.pretrained for has, step in zip(filled, steps, strict=True)),
    )
