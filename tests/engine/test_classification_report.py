"""ROC curves and confusion matrices against their definitions."""

import csv

import numpy as np
import pytest

from engine.classification import Verdicts
from engine.classification_report import (
    area,
    confusion,
    format_confusion,
    format_table,
    roc,
    write_report,
)
from utils.images import read_image


def images(labels, values):
    return [
        {"name": str(i), "label": label, "probability": value}
        for i, (label, value) in enumerate(zip(labels, values, strict=True))
    ]


def verdicts(labels, values):
    return Verdicts(
        metrics={"f1": 0.75},
        input_metrics={"f1": 0.0},
        input_name="always clean",
        losses={},
        images=images(labels, values),
        samples=[],
        higher_is_better={"f1": True},
        classes=("clean", "pixelated"),
    )


def test_the_area_is_how_often_a_positive_outranks_a_negative(rng):
    """The Mann-Whitney statistic, equal probabilities counting one half."""
    labels = rng.integers(0, 2, 200)
    values = np.round(rng.random(200) * 0.6 + 0.2 * labels, 1)
    positives, negatives = values[labels == 1], values[labels == 0]
    wins = (positives[:, None] > negatives).mean() + (positives[:, None] == negatives).mean() / 2
    false, true = roc(images(labels, values))
    assert area(false, true) == pytest.approx(wins)
    assert (np.diff(false) >= 0).all() and (np.diff(true) >= 0).all()
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_confusion_has_the_class_in_rows():
    row = verdicts([0, 0, 0, 1, 1], [0.1, 0.5, 0.9, 0.8, 0.3])
    assert confusion(row.images).tolist() == [[2, 1], [1, 1]]
    assert format_confusion(row).splitlines() == [
        "           called clean  called pixelated",
        "clean                 2                 1",
        "pixelated             1                 1",
    ]


def test_the_report_holds_table_curves_matrices_and_a_line_per_picture(tmp_path):
    rows = {"ours": verdicts([0, 1], [0.1, 0.8]), "other": verdicts([0, 1], [0.7, 0.6])}
    text = format_table(rows)
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["f1", "↑", "ROC", "area", "↑"]
    assert lines[2] == ["always", "clean", "0.0000", "0.5000"]
    assert lines[3] == ["ours", "0.7500", "1.0000"]
    assert lines[4] == ["other", "0.7500", "0.0000"]
    write_report(rows, text, tmp_path)
    for name in ("roc", "confusion_ours", "confusion_other"):
        assert read_image(tmp_path / f"{name}.png").std() > 5
    with (tmp_path / "images.csv").open() as file:
        table = list(csv.DictReader(file))
    assert table[1] == {"name": "1", "label": "1", "ours": "0.8", "other": "0.6"}
