"""An evaluation as people read it: a table with its protocol, a CSV per picture, sample sheets."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from engine.evaluator import Evaluation
from utils.files import atomic_write_text
from utils.plots import sample_sheet

_ROWS_PER_SHEET = 4


def format_table(evaluation: Evaluation, model: str) -> str:
    """The scores as plain text: the input's own row, then the model's; an arrow says what is good.

    Args:
        evaluation: with the baseline.
        model: what to call the model's row.
    """
    names = list(evaluation.metrics)
    header = [
        "",
        *(f"{name} {'↑' if evaluation.higher_is_better[name] else '↓'}" for name in names),
    ]
    rows = [
        [label, *(_figure(scores[name]) for name in names)]
        for label, scores in (
            (evaluation.input_name, evaluation.input_metrics),
            (model, evaluation.metrics),
        )
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [_line(header, widths), "-" * (sum(widths) + 2 * len(widths) - 2)]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def protocol_lines(evaluation: Evaluation, dataset: str, channels: int) -> list[str]:
    """How the figures were taken: the pictures, then each metric in turn.

    Args:
        evaluation: what was found.
        dataset: the data set, in words.
        channels: channels the pictures were read with.
    """
    count = len(evaluation.images)
    colours = "gray" if channels == 1 else "RGB"
    lines = [f"{count} picture{'s' if count != 1 else ''} of {dataset}, read as {colours}"]
    for name, protocol in evaluation.protocol.items():
        lines.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in protocol.items()))
    return lines


def picture_csv(evaluation: Evaluation) -> str:
    """One line per picture: its name, each metric of the output, each of the input."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(evaluation.images[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(evaluation.images)
    return text.getvalue()


def write_report(evaluation: Evaluation, text: str, folder: Path) -> None:
    """Write `table.txt`, `images.csv` and the sample sheets `samples_1.png`, ... to `folder`.

    Sheets of an earlier test in the same folder are removed.

    Args:
        evaluation: what was found, with its samples.
        text: the table and its protocol.
        folder: made where it is missing.
    """
    atomic_write_text(folder / "table.txt", text + "\n")
    atomic_write_text(folder / "images.csv", picture_csv(evaluation))
    for sheet in folder.glob("samples_*.png"):
        sheet.unlink()
    columns = (evaluation.input_name, "restored", "target")
    for first in range(0, len(evaluation.samples), _ROWS_PER_SHEET):
        rows = evaluation.samples[first : first + _ROWS_PER_SHEET]
        sample_sheet(rows, folder / f"samples_{first // _ROWS_PER_SHEET + 1}.png", columns)


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
