"""The kinds of work that can be measured for any config."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.benchmarks.evaluating import evaluation_works, metric_works
from engine.benchmarks.loading import loader_works
from engine.benchmarks.restoring import restoring_works
from engine.benchmarks.subject import Subject
from engine.benchmarks.timing import Figure, Work, time_in_turn
from engine.benchmarks.training import epoch_works, step_works

MEASURES: dict[str, Callable[[Subject], list[Work]]] = {
    "restoring": restoring_works,
    "step": step_works,
    "loader": loader_works,
    "epoch": epoch_works,
    "evaluation": evaluation_works,
    "metrics": metric_works,
}


def measure(kind: str, subjects: Sequence[Subject], repeats: int) -> list[Figure]:
    """Time one kind of work of all subjects in turn; ratios are to the first.

    Args:
        kind: a key of `MEASURES`.
        subjects: at least one.
        repeats: counted rounds.

    Raises:
        PellucidError: a subject's config is wrong, or its data is missing.
    """
    return time_in_turn(works_of(kind, subjects), repeats)


def works_of(kind: str, subjects: Sequence[Subject]) -> list[Work]:
    """One kind of work of all subjects, prepared."""
    return [work for subject in subjects for work in MEASURES[kind](subject)]
