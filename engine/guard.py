"""What ends a run that learns nothing more: numbers that are not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.evaluator import Evaluation
from engine.meters import Reading
from engine.position import Position
from engine.step import GRADIENT, TOTAL
from utils.errors import TrainingError

_HELP = (
    "lower SOLVER.LR, set SOLVER.CLIP_NORM, or look for broken pictures with tools/check_data.py"
)


def refuse_bad_steps(reading: Reading, limit: int, position: Position) -> None:
    """A bad step changes nothing and may be passed over, but not one after another.

    Args:
        reading: what the last steps came to.
        limit: so many bad ones in a row are too many.
        position: where the run is, for the message.

    Raises:
        TrainingError: there were that many; it names the losses that were not finite.
    """
    if reading.in_a_row < limit:
        return
    names = [name for name in reading.not_finite if name.rpartition("/")[2] != GRADIENT]
    names = [name for name in names if name != TOTAL] or names  # the sum is a consequence
    what = f"training {_listed(names)}" if names else "gradient of the training loss"
    raise TrainingError(
        f"the {what} was not finite in {reading.in_a_row} steps in a row, up to {_place(position)}"
        f" (they changed nothing); {_HELP}"
    )


def refuse_unknown_figures(evaluation: Evaluation, position: Position) -> None:
    """A model cannot be judged by a loss that is not finite, or a metric that is not a number.

    A metric may well be infinite: the PSNR of equal pictures is.

    Raises:
        TrainingError: there is one.
    """
    unknown = {name: value for name, value in evaluation.metrics.items() if math.isnan(value)}
    for name, value in {**evaluation.losses, **unknown}.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"the validation {name} is {value} after {_place(position)}; {_HELP}"
            )


def _place(position: Position) -> str:
    return f"step {position.iteration} in epoch {position.epoch}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
