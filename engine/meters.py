"""Running means of losses that never wait for the device between two readings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from utils.distributed import sum_over_ranks


class LossMeter:
    """Means of named losses, weighted by batch size, since the last log point and in the epoch.

    Of several processes each adds its share; what is read is the mean over all of them, and all
    read together.
    """

    def __init__(self) -> None:
        self._window: dict[str, Tensor] = {}
        self._window_count = 0
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, losses: Mapping[str, Tensor], count: int) -> None:
        """Add the losses of a batch of `count` pictures; on the device, without reading them."""
        for name, value in losses.items():
            value = value.detach() * count
            self._window[name] = self._window[name] + value if name in self._window else value
        self._window_count += count

    def read_window(self) -> dict[str, float]:
        """The means since the last reading, in one transfer from the device; empty if none."""
        if not self._window:
            return {}
        values = [value.float() for value in self._window.values()]
        count = torch.tensor(float(self._window_count), device=values[0].device)
        *sums, total = sum_over_ranks(torch.stack([*values, count])).tolist()
        means = {}
        for name, value in zip(self._window, sums, strict=True):
            means[name] = value / total
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += int(total)
        self._window, self._window_count = {}, 0
        return means

    def read_epoch(self) -> dict[str, float]:
        """The means over everything added since `reset`."""
        self.read_window()
        return {name: value / self._count for name, value in self._sums.items()}

    def reset(self) -> None:
        """Begin a new epoch."""
        self._window, self._window_count = {}, 0
        self._sums, self._count = {}, 0

    def state_dict(self) -> dict[str, Any]:
        """The epoch so far, in plain Python."""
        self.read_window()
        return {"sums": dict(self._sums), "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on in the epoch that `state` was taken in."""
        self.reset()
        self._sums, self._count = dict(state["sums"]), state["count"]
