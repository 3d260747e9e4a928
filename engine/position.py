"""How far a run has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.history import EPOCH


@dataclass
class Position:
    """A point between two optimizer steps.

    Attributes:
        epoch: the epoch under way, from 1.
        step: steps taken in it; all of them until its validation is done.
        iteration: steps taken since the run began.
        measured: whether what an epoch's end measures has been measured at this very point.
    """

    epoch: int = 1
    step: int = 0
    iteration: int = 0
    measured: bool = False

    def advance(self) -> None:
        """One step has been taken."""
        self.step += 1
        self.iteration += 1
        self.measured = False

    def end_epoch(self, whole: bool) -> None:
        """The epoch is over, validation and all.

        Args:
            whole: all its steps were taken. Where the run's end cut it short, a longer run goes on
                within it.
        """
        self.measured = True
        if whole:
            self.epoch += 1
            self.step = 0

    def is_past(self, kind: str, iteration: int) -> bool:
        """Whether what is measured at that moment will not be measured again from here on.

        Args:
            kind: "epoch" for what an epoch's end measures, once its validation is done.
            iteration: steps taken by then.
        """
        if kind == EPOCH and not self.measured:
            return iteration < self.iteration
        return iteration <= self.iteration

    def state_dict(self) -> dict[str, Any]:
        """Plain Python, for a checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Be where `state` was taken."""
        self.epoch, self.step = state["epoch"], state["step"]
        self.iteration = state["iteration"]
        # Before there was such an entry, a run went on with the next epoch after a validation.
        self.measured = state.get("measured", self.step == 0)
