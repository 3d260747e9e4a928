"""Figures for how often a classifier is right, from counts of its verdicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from engine.registries import CLASSIFICATION_METRICS


@dataclass(frozen=True)
class Counts:
    """Verdicts on labelled pictures; positive is label 1, and a probability above a half.

    Attributes:
        tp: positives found.
        fp: negatives taken for positives.
        tn: negatives left alone.
        fn: positives missed.
    """

    tp: float = 0.0
    fp: float = 0.0
    tn: float = 0.0
    fn: float = 0.0


class ClassificationMetric(ABC):
    """One figure of a classifier's verdicts.

    Counts, not figures, are added up over batches and processes.
    """

    higher_is_better: bool = True

    @abstractmethod
    def compute(self, counts: Counts) -> float:
        """The figure, 0 to 1; 0 where there is nothing to take a share of."""

    def protocol(self) -> dict[str, Any]:
        """How the figure is taken, in plain values: it travels with the figure."""
        return {"metric": type(self).__name__, "positive": "label 1, probability above 0.5"}


@CLASSIFICATION_METRICS.register
class Precision(ClassificationMetric):
    """Of those called positive, the share that is."""

    def compute(self, counts: Counts) -> float:
        """Tp / (tp + fp)."""
        return _share(counts.tp, counts.tp + counts.fp)


@CLASSIFICATION_METRICS.register
class Recall(ClassificationMetric):
    """Of the positives, the share that is found."""

    def compute(self, counts: Counts) -> float:
        """Tp / (tp + fn)."""
        return _share(counts.tp, counts.tp + counts.fn)


@CLASSIFICATION_METRICS.register
class F1(ClassificationMetric):
    """Harmonic mean of precision and recall."""

    def compute(self, counts: Counts) -> float:
        """2 tp / (2 tp + fp + fn)."""
        return _share(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


@CLASSIFICATION_METRICS.register
class Accuracy(ClassificationMetric):
    """The share of right verdicts."""

    def compute(self, counts: Counts) -> float:
        """(tp + tn) / all."""
        return _share(counts.tp + counts.tn, counts.tp + counts.fp + counts.tn + counts.fn)


@CLASSIFICATION_METRICS.register
class FalsePositiveRate(ClassificationMetric):
    """Of the negatives, the share that is called positive."""

    higher_is_better = False

    def compute(self, counts: Counts) -> float:
        """Fp / (fp + tn)."""
        return _share(counts.fp, counts.fp + counts.tn)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
