"""Measured times as people and programs read them: Markdown, JSON, two runs side by side."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from engine.benchmarks.timing import WARM_UP, Figure
from utils.errors import DataError
from utils.files import atomic_write_text
from utils.hardware import describe_device

_HEAD = ("measure", "of", "setting", "median ms", "fastest ms", "a second", "ratio", "peak MB", "n")
_COMPARED = ("measure", "of", "setting", "first, ms", "second, ms", "second / first")


@dataclass(frozen=True)
class Report:
    """What one run of measurements found.

    Attributes:
        hardware: the device, in words.
        versions: of what computes.
        figures: in the order they were taken.
    """

    hardware: str
    versions: dict[str, str]
    figures: list[Figure]


def report_of(figures: Sequence[Figure], device: torch.device) -> Report:
    """Figures with what has to stand beside them."""
    cores = os.cpu_count() or 1
    beside = "" if device.type == "cpu" else f", {torch.get_num_threads()} CPU threads"
    versions = {
        "Python": platform.python_version(),
        "PyTorch": torch.__version__,
        "OpenCV": cv2.__version__,
        "NumPy": np.__version__,
    }
    if device.type == "cuda":
        versions["CUDA"] = str(torch.version.cuda)
    return Report(f"{describe_device(device)}{beside}, {cores} cores", versions, list(figures))


def as_markdown(report: Report) -> str:
    """The figures as a table, below a line that says what they were taken with."""
    rounds = {len(figure.seconds) for figure in report.figures}
    repeats = f"medians of {' or '.join(map(str, sorted(rounds)))} rounds in turn"
    rows = [
        (
            figure.measure,
            figure.name,
            ", ".join(figure.setting),
            _milliseconds(figure.median),
            _milliseconds(min(figure.seconds)),
            f"{_short(figure.per_second)} {figure.item}s",
            _short(figure.ratio),
            "" if figure.peak_bytes is None else f"{figure.peak_bytes / 1e6:.1f}",
            str(len(figure.seconds)),
        )
        for figure in report.figures
    ]
    return f"{_told(report)}; {repeats} after {WARM_UP} uncounted.\n\n{table(_HEAD, rows)}"


def write_json(report: Report, path: Path) -> None:
    """Every round's seconds, for `read_json` and other programs.

    Raises:
        PellucidError: the file cannot be written.
    """
    atomic_write_text(path, json.dumps(asdict(report), indent=1) + "\n")


def read_json(path: Path) -> Report:
    """What `write_json` wrote.

    Raises:
        DataError: the file is not there, or is something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        figures = [_figure(each) for each in values["figures"]]
        return Report(values["hardware"], values["versions"], figures)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: holds no measurements; tools/benchmark.py writes them") from error


def compared(first: Report, second: Report) -> str:
    """What two runs measured alike, as a table of ratios; below 1 the second is faster.

    Raises:
        DataError: they have nothing in common.
    """
    earlier = {_identity(figure): figure for figure in first.figures}
    both = [(earlier[_identity(f)], f) for f in second.figures if _identity(f) in earlier]
    if not both:
        raise DataError("the two files measured nothing alike: names and settings all differ")
    rows = [
        (
            one.measure,
            one.name,
            ", ".join(one.setting),
            _milliseconds(one.median),
            _milliseconds(other.median),
            _short(other.median / one.median),
        )
        for one, other in both
    ]
    lines = [f"first: {_told(first)}", f"second: {_told(second)}"]
    left = len(first.figures) + len(second.figures) - 2 * len(both)
    if left:
        lines.append(f"{left} figures are in one of them only")
    return "\n".join(lines) + f"\n\n{table(_COMPARED, rows)}"


def _figure(values: dict[str, Any]) -> Figure:
    lists = {key: tuple(values[key]) for key in ("setting", "seconds", "warm_up")}
    if not lists["seconds"] or min(lists["seconds"]) <= 0:  # of words, this is a TypeError
        raise ValueError("no times")
    return Figure(**{**values, **lists})


def _identity(figure: Figure) -> tuple[str, str, tuple[str, ...]]:
    return figure.measure, figure.name, figure.setting


def _told(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"{report.hardware}; {versions}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, with a head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _milliseconds(seconds: float) -> str:
    return _short(seconds * 1e3)


def _short(value: float) -> str:
    """Three digits that count, and all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"
