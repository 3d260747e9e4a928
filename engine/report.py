"""A test as people read it: a table with its protocol, a CSV per picture, sample sheets."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.evaluator import Evaluation
from utils.files import atomic_write_text
from utils.plots import sample_sheet

_ROWS_PER_SHEET = 4
_PLAIN = 'plain figures: no output was rescaled by the brightness of its target ("GT mean")'


@dataclass(frozen=True)
class Row:
    """One model's place in a table.

    Attributes:
        evaluation: what was found; a table's first row has the baseline.
        parameters: how many the model has.
        seconds: what a picture takes it; nan beside the main process.
    """

    evaluation: Evaluation
    parameters: int
    seconds: float


def format_table(rows: Mapping[str, Row]) -> str:
    """The scores as plain text: the input's own row, then each model's; an arrow says what is good.

    Args:
        rows: by the names of the models.
    """
    first = _first(rows)
    names = list(first.metrics)
    arrows = (f"{name} {'↑' if first.higher_is_better[name] else '↓'}" for name in names)
    lines = [
        ["", *arrows, "parameters", "s/picture"],
        [first.input_name, *(_figure(first.input_metrics[name]) for name in names), "", ""],
    ]
    for label, row in rows.items():
        figures = (_figure(row.evaluation.metrics[name]) for name in names)
        lines.append([label, *figures, f"{row.parameters:,}", f"{row.seconds:.3g}"])
    return aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of equally many cells as plain text: the first is the header, the columns align."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    header, *others = (_line(cells, widths) for cells in lines)
    return "\n".join([header, "-" * (sum(widths) + 2 * len(widths) - 2), *others])


def protocol_lines(evaluation: Evaluation, dataset: str, channels: int) -> list[str]:
    """How the figures were taken: the pictures, then each metric in turn.

    Args:
        evaluation: what was found.
        dataset: the data set, in words.
        channels: channels the pictures were read with.
    """
    count = len(evaluation.images)
    colours = "gray" if channels == 1 else "RGB"
    about = f"{count} picture{'s' if count != 1 else ''} of {dataset}, read as {colours}"
    return [about, _PLAIN, *metric_lines(evaluation)]


def metric_lines(evaluation: Evaluation) -> list[str]:
    """How each metric was taken."""
    return [
        f"{name}: " + ", ".join(f"{key} {value}" for key, value in facts.items())
        for name, facts in evaluation.protocol.items()
    ]


def picture_csv(rows: Mapping[str, Row]) -> str:
    """One line per picture: its name, each metric of the outputs, each of the input.

    An output's columns are called as its metrics where there is one model, else with the model's
    name in front: `gamma_psnr`.
    """
    columns: dict[str, list[object]] = {"name": [one["name"] for one in _first(rows).images]}
    given: dict[str, list[object]] = {}
    for label, row in rows.items():
        for name in row.evaluation.metrics:
            key = f"{label}_{name}" if len(rows) > 1 else name
            columns[key] = [image[name] for image in row.evaluation.images]
        for name in row.evaluation.input_metrics:
            given[f"input_{name}"] = [image[f"input_{name}"] for image in row.evaluation.images]
    columns |= given
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def write_report(rows: Mapping[str, Row], text: str, folder: Path) -> None:
    """Write `table.txt`, `images.csv` and the sample sheets `samples_1.png`, ... to `folder`.

    A sheet shows the input, each model's output and the target. Sheets of an earlier test in the
    same folder are removed.

    Args:
        rows: what was found, with samples.
        text: the table and its protocol.
        folder: made where it is missing.
    """
    atomic_write_text(folder / "table.txt", text + "\n")
    atomic_write_text(folder / "images.csv", picture_csv(rows))
    for sheet in folder.glob("samples_*.png"):
        sheet.unlink()
    columns = (_first(rows).input_name, *rows, "target")
    samples = _side_by_side(rows)
    for first in range(0, len(samples), _ROWS_PER_SHEET):
        path = folder / f"samples_{first // _ROWS_PER_SHEET + 1}.png"
        sample_sheet(samples[first : first + _ROWS_PER_SHEET], path, columns)


def _side_by_side(rows: Mapping[str, Row]) -> list[tuple[Any, ...]]:
    """Each sample's name, input, output of every model, and target."""
    sheets = []
    for each in zip(*(row.evaluation.samples for row in rows.values()), strict=True):
        name, given, _, target = each[0]
        sheets.append((name, given, *(output for _, _, output, _ in each), target))
    return sheets


def _first(rows: Mapping[str, Row]) -> Evaluation:
    """The evaluation that has the baseline."""
    return next(iter(rows.values())).evaluation


def _figure(value: float) -> str:
    """Four decimals below 2 (L1, SSIM, LPIPS), two above (dB)."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:.4f}" if abs(value) < 2 else f"{value:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()
