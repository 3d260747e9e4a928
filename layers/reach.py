"""How far the output pixels of a network with several resolutions see.

Pixels are followed from the output back to the input, as the interval of rows (or columns) that
they depend on. A k x k convolution widens it by k // 2 on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

Interval = tuple[int, int]


def receptive_field(grid: int, trace: Callable[[Interval], Interval]) -> int:
    """The receptive field as a descriptor states it, from the exact interval each pixel sees.

    Args:
        grid: the network's size multiple: pixels at different places of it see differently far.
        trace: from the first and last row of an output interval to those of the input it needs.
    """
    reach = 0
    for place in range(grid):
        first, last = trace((place, place))
        reach = max(reach, place - first, last - place)
    return 2 * reach + 1


def widened(interval: Interval, reach: int) -> Interval:
    """The interval that `reach` pixels on both sides are added to."""
    return interval[0] - reach, interval[1] + reach


def hull(intervals: Iterable[Interval]) -> Interval:
    """The least interval that holds all of these."""
    firsts, lasts = zip(*intervals, strict=True)
    return min(firsts), max(lasts)


def through_u_shape(
    interval: Interval,
    encoder: Sequence[int],
    middle: int,
    decoder: Sequence[int],
    overlap: int = 0,
) -> Interval:
    """What an interval of a U's output needs of its input.

    Going up, each pixel becomes a 2x2 block; going down, each 2x2 block becomes a pixel. What the
    skips bring is part of what comes by the way down and up.

    Args:
        interval: first and last row at full resolution.
        encoder: reach, in its own pixels, of what stands at each level on the way down.
        middle: reach of what stands at the lowest level.
        decoder: reach of each level on the way up, in the order of computation: coarsest first.
        overlap: pixels by which what makes a pixel of a block sees beyond the block, on each side.
    """
    for reach in reversed(decoder):
        first, last = widened(interval, reach)
        interval = first // 2, last // 2
    interval = widened(interval, middle)
    for reach in reversed(encoder):
        first, last = interval
        interval = widened((2 * first, 2 * last + 1), overlap + reach)
    return interval
