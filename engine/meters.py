"""Running means of losses, and the count of bad steps, that never wait for the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.step import GRADIENT, TOTAL
from utils.distributed import is_main, rank, stack_over_ranks, world_size
from utils.phases import phase

# A window's sums: per loss the sum over samples, per loss how often it was not finite, samples;
# then what all processes have in common: bad steps, such in a row, the longest row.
_COUNTS = 4
_COMMON = 3


@dataclass(frozen=True)
class Reading:
    """What the steps since the last reading came to.

    Attributes:
        means: of each loss, weighted by batch size, over the good steps; empty if there is none.
        skipped: how many steps were bad.
        in_a_row: the longest row of bad steps, with those just before the last reading.
        not_finite: the losses that were not finite in some step.
    """

    means: dict[str, float]
    skipped: int = 0
    in_a_row: int = 0
    not_finite: tuple[str, ...] = ()


class LossMeter:
    """Means of named losses since the last log point and over the epoch.

    A step that was skipped, or one of whose losses is not finite, is bad: it is left out of the
    means and counted. Of several processes each adds its share; what is read is the mean over all
    of them, and all read, or take the state, together.

    Args:
        device: where losses lie, and their sums until they are read.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._names: list[str] = []
        self._window = self._zeros()
        self._sums: dict[str, float] = {}
        self._samples = 0.0
        self._skipped = 0

    @phase("meters")
    def add(self, losses: Mapping[str, Tensor], samples: int, skipped: Tensor) -> None:
        """Add the losses of a step; without reading them.

        Args:
            losses: scalars, summed over the samples; of the same names at every step.
            samples: how many they are.
            skipped: scalar; 1 where the step was skipped, else 0.

        Raises:
            ValueError: other names than before.
        """
        if not self._names:
            self._names = list(losses)
            self._window = self._zeros()
        elif self._names != list(losses):
            raise ValueError(f"a learner told the losses {list(losses)} after {self._names}")
        values = torch.stack([value.detach().double() for value in losses.values()])
        broken = values.isfinite().logical_not()
        bad = broken.any() | skipped.bool()
        sums, failures = self._window[:-_COUNTS].chunk(2)
        counted, missed, in_a_row, longest = self._window[-_COUNTS:].unbind()
        sums += torch.where(bad, 0.0, values)
        failures += broken
        counted += samples * ~bad
        missed += bad
        in_a_row += 1
        in_a_row *= bad
        torch.maximum(longest, in_a_row, out=longest)

    def peek(self) -> Reading:
        """What came since the last reading, in one transfer from the device."""
        return self._reading(self._over_ranks().tolist())

    def read_window(self) -> Reading:
        """What came since the last reading, in one transfer; the next reading begins here."""
        values = self._over_ranks().tolist()
        self._sums, self._samples, self._skipped = self._epoch_with(values)
        in_a_row = values[-_COUNTS + 2]
        self._window.zero_()
        self._window[-2:] += in_a_row
        return self._reading(values)

    def read_epoch(self) -> Reading:
        """What came since `reset`; `in_a_row` and `not_finite` only of what was not read yet.

        Reading goes on as if this had not been read: an epoch cut short may do so, too.
        """
        values = self._over_ranks().tolist()
        window = self._reading(values)
        sums, samples, skipped = self._epoch_with(values)
        return Reading(
            means=_means(sums, samples),
            skipped=skipped,
            in_a_row=window.in_a_row,
            not_finite=window.not_finite,
        )

    def reset(self) -> None:
        """Begin a new epoch; a row of bad steps goes on through it."""
        self.read_window()
        self._sums, self._samples, self._skipped = {}, 0.0, 0

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain Python."""
        return {
            "names": list(self._names),
            "windows": stack_over_ranks(self._window),
            "sums": dict(self._sums),
            "samples": self._samples,
            "skipped": self._skipped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, to the bit, from where `state` was taken."""
        self._names = list(state["names"])
        windows = state["windows"].to(self._device)
        if len(windows) == world_size():
            self._window = windows[rank()].clone()
        else:  # of another number of processes: what they had added goes to one
            self._window = _joined(windows)
            if not is_main():
                self._window[:-_COMMON] = 0
        self._sums = dict(state["sums"])
        self._samples, self._skipped = state["samples"], state["skipped"]

    def _epoch_with(self, window: Sequence[float]) -> tuple[dict[str, float], float, int]:
        """The epoch's sums, samples and bad steps, those of a window included."""
        samples, skipped, _, _ = window[-_COUNTS:]
        named = zip(self._names, window, strict=False)
        sums = {name: self._sums.get(name, 0.0) + value for name, value in named}
        return sums, self._samples + samples, self._skipped + int(skipped)

    def _reading(self, values: Sequence[float]) -> Reading:
        samples, skipped, _, longest = values[-_COUNTS:]
        failures = values[len(self._names) : -_COUNTS]
        named = zip(self._names, failures, strict=True)
        return Reading(
            means=_means(dict(zip(self._names, values, strict=False)), samples),
            skipped=int(skipped),
            in_a_row=int(longest),
            not_finite=tuple(name for name, count in named if count),
        )

    def _over_ranks(self) -> Tensor:
        return _joined(stack_over_ranks(self._window))

    def _zeros(self) -> Tensor:
        size = 2 * len(self._names) + _COUNTS
        return torch.zeros(size, dtype=torch.float64, device=self._device)


def _joined(windows: Tensor) -> Tensor:
    """One window of those of all processes, which are rows."""
    return torch.cat([windows[:, :-_COMMON].sum(0), windows[:, -_COMMON:].amax(0)])


def _means(sums: Mapping[str, float], samples: float) -> dict[str, float]:
    return {name: value / samples for name, value in sums.items()} if samples else {}


def told(reading: Reading) -> dict[str, float]:
    """What a reading says to people: mean losses, and how many steps were bad where any were."""
    values = without_repeats(reading.means)
    return {**values, "skipped": reading.skipped} if reading.skipped else values


def without_repeats(losses: Mapping[str, float]) -> dict[str, float]:
    """A single loss of weight 1 is its own sum: tell it once."""
    named = [name for name in losses if name not in (TOTAL, GRADIENT)]
    repeated = len(named) == 1 and losses[named[0]] == losses[TOTAL]
    return {name: value for name, value in losses.items() if not (repeated and name in named)}
