"""How far a run has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from engine.history import EPOCH


@dataclass
class Position:
    """A point between two optimizer steps.

    Attributes:
        epoch: the epoch under way, from 1.
        step: steps taken in it; all of them until its validation is done.
        iteration: steps taken since the run began.
    """

    epoch: int = 1
    step: int = 0
    iteration: int = 0

    def advance(self) -> None:
        """One step has been taken."""
        self.step += 1
        self.iteration += 1

    def next_epoch(self) -> None:
        """The epoch is over, validation and all."""
        self.epoch += 1
        self.step = 0

    def is_past(self, kind: str, epoch: int, iteration: int) -> bool:
        """Whether what is measured at that moment will not be measured again from here on.

        Args:
            kind: "epoch" for what an epoch's end measures, once its validation is done.
            epoch: the epoch it belongs to.
            iteration: steps taken by then.
        """
        if kind == EPOCH:
            return epoch < self.epoch
        return iteration <= self.iteration

    def state_dict(self) -> dict[str, int]:
        """Plain Python, for a checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Be where `state` was taken."""
        self.epoch, self.step = state["epoch"], state["step"]
        self.iteration = state["iteration"]
