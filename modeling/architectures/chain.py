"""Networks one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, lcm, prod
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

_BICUBIC_REACH = 2  # pixels to each side, of the smaller picture


@ARCHITECTURES.register
class Chain(nn.Module):
    """Architectures in a row: what one gives, the next one takes.

    A blurred picture can be shrunk to the resolution that is left in it, enlarged by
    super-resolution, and brought back to its own size: `shrink: 2` and `scale: 1` around an EDSR.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W), not clamped; any H and W.

    Args:
        steps: the architectures in order, each `{NAME: ..., ARGS: {...}, WEIGHTS: FILE}`; without
            WEIGHTS a step starts from random ones, or has none.
        shrink: how many times smaller the picture becomes before the first step.
        scale: how many times higher and wider than the picture the output is in the end, no more
            than what the steps make of it; None leaves it at that. Both resize bicubically,
            antialiased.

    Raises:
        ConfigError: a step that cannot be built.
        CheckpointError: weights that cannot be read or do not fit their step.
        ValueError: no steps, or steps that do not go together.
    """

    def __init__(
        self, steps: Sequence[Mapping[str, Any]], shrink: int = 1, scale: int | None = None
    ) -> None:
        super().__init__()
        self.shrink = shrink
        self.steps = nn.Sequential(
            *(_build(step, f"steps.{number}") for number, step in enumerate(steps))
        )
        described = [step.descriptor for step in self.steps]
        if not described or shrink < 1:
            raise ValueError("steps must name an architecture and shrink be at least 1")
        made = Fraction(prod(step.scale for step in described), shrink)
        wanted = made if scale is None else Fraction(scale)
        if wanted.denominator > 1 or not 1 <= wanted <= made:
            raise ValueError(f"steps enlarge {made} times after shrink; scale cannot be {wanted}")
        self.reduced = wanted < made
        self.descriptor = Descriptor(
            scale=wanted.numerator,
            channels=_channels(described),
            **_reach(described, shrink, self.reduced),
            global_context=any(step.global_context for step in described),
            precisions=tuple(
                name
                for name in described[0].precisions
                if all(name in step.precisions for step in described)
            ),
            pretrained=all(
                bool(step.get("WEIGHTS")) or one.pretrained
                for step, one in zip(steps, described, strict=True)
            ),
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = pad_to_multiple(x, self.shrink)
        whole = [side * self.descriptor.scale for side in x.shape[-2:]]
        y = _resized(x, [side // self.shrink for side in x.shape[-2:]], self.shrink > 1)
        y = _resized(self.steps(y), whole, self.reduced)
        return y[..., : height * self.descriptor.scale, : width * self.descriptor.scale]


def _resized(x: Tensor, size: Sequence[int], needed: bool) -> Tensor:
    if not needed:
        return x
    return F.interpolate(x, tuple(size), mode="bicubic", align_corners=False, antialias=True)


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


def _channels(steps: Sequence[Descriptor]) -> int:
    found = {step.channels for step in steps} - {0}
    if len(found) > 1:
        raise ValueError("steps of gray and of colour do not go together")
    return next(iter(found), 0)


def _reach(steps: Sequence[Descriptor], shrink: int, reduced: bool) -> dict[str, Any]:
    """The grid and the receptive field of the row, in pixels of the input.

    The field is what all steps together can reach; where their grids differ or a size changes, it
    may be some pixels more than what they do.
    """
    grid, size = shrink, Fraction(shrink)  # of a pixel, in pixels of the input
    reach = _BICUBIC_REACH * size if shrink > 1 else Fraction(0)
    for step in steps:
        grid = lcm(grid, (step.size_multiple * size).numerator)
        reach += (step.receptive_field // 2) * size
        size /= step.scale
    if reduced:
        reach += _BICUBIC_REACH
    return {"size_multiple": grid, "receptive_field": 2 * ceil(reach) + 1}
