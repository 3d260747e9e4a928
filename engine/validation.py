"""Between epochs: what a run measures, and on which pictures."""

from __future__ import annotations

from collections.abc import Mapping

from engine.assembly import Parts
from engine.evaluator import Evaluation
from engine.generators import untouched_generators
from engine.guard import refuse_unknown_figures
from engine.position import Position
from engine.signals import StopSignals, until_stopped
from utils.logging import get_logger
from utils.phases import phase

_log = get_logger(__name__)


class Validation:
    """Measures a run's model without leaving a trace in its training.

    Args:
        parts: of the run.

    Attributes:
        baseline: each metric of the validation pictures as they are; empty until it is known.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.baseline: dict[str, float] = {}

    @phase("validation", whole=True)
    def measure(self, position: Position, stop: StopSignals) -> tuple[Evaluation, dict[str, float]]:
        """Evaluate on the validation pictures, and take the metrics of some training samples.

        Args:
            position: where the run is, for messages.
            stop: hears whether the run is to stop.

        Raises:
            TrainingError: a figure of the validation is not a number.
            Stopped: the run is to stop.
        """
        parts = self._parts
        with stop.at_once(), untouched_generators():
            pictures = until_stopped(parts.val_loader, len(parts.val_loader), stop)
            evaluation = parts.evaluator.evaluate(
                parts.judged, pictures, baseline=not self.baseline
            )
            learnt = parts.sample.measure(parts.judged)
        refuse_unknown_figures(evaluation, position)
        if evaluation.input_metrics:
            self.baseline = dict(evaluation.input_metrics)
            told = "  ".join(f"{name} {value:.5g}" for name, value in self.baseline.items())
            _log.info("validation pictures as they are (%s): %s", evaluation.input_name, told)
        return evaluation, learnt

    def state_dict(self) -> dict[str, float]:
        """The baseline."""
        return dict(self.baseline)

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from where `state` was taken."""
        self.baseline = dict(state)
