"""Which validation was best, and whether it is time to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BestTracker:
    """Follows the one metric that picks the best weights and stops a run early.

    Args:
        metric: its name, for messages.
        higher_is_better: its direction.
        patience: stop after this many validations in a row without a better value; None never
            stops.
    """

    def __init__(self, metric: str, higher_is_better: bool, patience: int | None) -> None:
        self.metric = metric
        self.higher_is_better = higher_is_better
        self.patience = patience
        self.value: float | None = None
        self.epoch = 0
        self.worse = 0

    def update(self, value: float, epoch: int) -> bool:
        """Count a validation; true where its value is better than every one before."""
        improved = self.value is None or (
            value > self.value if self.higher_is_better else value < self.value
        )
        if improved:
            self.value, self.epoch, self.worse = value, epoch, 0
        else:
            self.worse += 1
        return improved

    @property
    def exhausted(self) -> bool:
        """Whether patience has ended."""
        return self.patience is not None and self.worse >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on, in plain Python."""
        return {"value": self.value, "epoch": self.epoch, "worse": self.worse}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self.value, self.epoch, self.worse = state["value"], state["epoch"], state["worse"]
