"""Classifiers' evaluations as people read them: table, confusion, ROC curves, a CSV per picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.classification import Verdicts
from engine.report import aligned
from utils.files import atomic_write_text
from utils.plots import plot_confusion, plot_roc


def format_table(rows: Mapping[str, Verdicts]) -> str:
    """The figures as plain text: what calling every picture negative gives, then each classifier.

    Args:
        rows: by name; the first has the baseline.
    """
    first = next(iter(rows.values()))
    header = [f"{n} {'↑' if first.higher_is_better[n] else '↓'}" for n in first.metrics]
    lines = [["", *header, "ROC area ↑"]]
    lines.append([first.input_name, *map(_figure, first.input_metrics.values()), _figure(0.5)])
    for label, row in rows.items():
        figures = [*row.metrics.values(), area(*roc(row.images))]
        lines.append([label, *map(_figure, figures)])
    return aligned(lines)


def format_confusion(row: Verdicts) -> str:
    """The confusion matrix as plain text."""
    width = max(map(len, row.classes))
    called = [f"called {name}" for name in row.classes]
    lines = [f"{'':<{width}}  {'  '.join(called)}"]
    for name, counts in zip(row.classes, confusion(row.images), strict=True):
        cells = (f"{count:>{len(head)}}" for count, head in zip(counts, called, strict=True))
        lines.append(f"{name:<{width}}  {'  '.join(cells)}")
    return "\n".join(lines)


def write_report(rows: Mapping[str, Verdicts], text: str, folder: Path) -> None:
    """Write `table.txt`, `images.csv`, `roc.png` and a `confusion_<row>.png` each to `folder`.

    Args:
        rows: what was found, by name.
        text: the table and its protocol.
        folder: made where it is missing.
    """
    atomic_write_text(folder / "table.txt", text + "\n")
    atomic_write_text(folder / "images.csv", _picture_csv(rows))
    plot_roc({name: roc(row.images) for name, row in rows.items()}, folder / "roc.png")
    for name, row in rows.items():
        plot_confusion(confusion(row.images), row.classes, folder / f"confusion_{name}.png")


def confusion(images: Sequence[dict[str, Any]]) -> np.ndarray:
    """How often label (row) was called what (column), (2, 2)."""
    counts = np.zeros((2, 2), int)
    for image in images:
        counts[image["label"], int(image["probability"] > 0.5)] += 1
    return counts


def roc(images: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """The receiver operating characteristic: rates at every threshold, the strictest first.

    Returns:
        The share of negatives called positive, and of positives found, both rising from 0 to 1;
        pictures of equal probability change sides together.
    """
    labels = np.array([image["label"] for image in images])
    values = np.array([image["probability"] for image in images])
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    hits = np.cumsum(labels[order])[ends]
    false, true = (np.insert(found, 0, 0) for found in (ends + 1 - hits, hits))
    return false / max(false[-1], 1), true / max(true[-1], 1)


def area(false: np.ndarray, true: np.ndarray) -> float:
    """The area under a ROC curve, by trapezoids."""
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))


def _picture_csv(rows: Mapping[str, Verdicts]) -> str:
    """One line per picture: name, label, and each classifier's probability of label 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "label", *rows])
    for images in zip(*(row.images for row in rows.values()), strict=True):
        values = (image["probability"] for image in images)
        writer.writerow([images[0]["name"], images[0]["label"], *values])
    return text.getvalue()


def _figure(value: float) -> str:
    return f"{value:.4f}"
