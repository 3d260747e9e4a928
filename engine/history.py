"""The one store of what a run measured.

The trainer puts records in; the log, `metrics.jsonl`, TensorBoard and the curves are writers that
hear each record and never ask the model, so that nothing is measured twice or told differently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from engine.evaluator import Sample
from utils.phases import phase

STEP, EPOCH = "step", "epoch"


@dataclass(frozen=True)
class Record:
    """Values measured at one moment of a run.

    Attributes:
        kind: "step" at a log point within an epoch, "epoch" when an epoch is over.
        epoch: the epoch, from 1.
        iteration: optimizer steps taken since the run began.
        values: `train/loss`, `val/loss`, `val/psnr`, `lr` and the like.
    """

    kind: str
    epoch: int
    iteration: int
    values: dict[str, float]

    def flat(self) -> dict[str, Any]:
        """One plain dictionary, as a line of `metrics.jsonl` holds it."""
        return {
            "kind": self.kind,
            "epoch": self.epoch,
            "iteration": self.iteration,
            **self.values,
        }


class Writer:
    """Tells what a run measured; a writer that does not care for one of these leaves it out."""

    def write(self, record: Record, history: History) -> None:
        """Tell a new record; `history` holds all epochs, this one included."""

    def show(self, samples: Sequence[Sample], epoch: int, iteration: int) -> None:
        """Show pictures of a validation."""

    def close(self) -> None:
        """Finish what was begun."""


class History:
    """The records of a run: every epoch's for good, a log point's only for the writers."""

    def __init__(self) -> None:
        self.epochs: list[Record] = []
        self._writers: list[Writer] = []

    def tell(self, *writers: Writer) -> None:
        """Let `writers` hear every record from now on."""
        self._writers.extend(writers)

    @phase("logging")
    def put(self, kind: str, epoch: int, iteration: int, values: Mapping[str, float]) -> None:
        """Store values and let every writer tell them."""
        record = Record(kind, epoch, iteration, dict(values))
        if kind == EPOCH:
            self.epochs.append(record)
        for writer in self._writers:
            writer.write(record, self)

    @phase("logging")
    def show(self, samples: Sequence[Sample], epoch: int, iteration: int) -> None:
        """Let every writer show pictures of a validation: (name, input, restored, target)."""
        for writer in self._writers:
            writer.show(samples, epoch, iteration)

    def close(self) -> None:
        """Close the writers."""
        with ExitStack() as closing:  # each of them, though one may fail
            for writer in self._writers:
                closing.callback(writer.close)
            self._writers.clear()

    def state_dict(self) -> list[dict[str, Any]]:
        """The epochs' records in plain Python."""
        return [asdict(record) for record in self.epochs]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Take over the records of a run that goes on; writers are told nothing of them."""
        self.epochs = [Record(**record) for record in state]
