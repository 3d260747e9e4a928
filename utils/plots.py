"""Curves of a run, sheets of pictures and distributions, drawn without a display."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utils.files import atomic_path

_INCHES = 3.2  # side of one picture on a sheet
_SIDE = 768  # a picture is drawn with at most this many pixels a side; sheets stay small files
_COLUMNS = ("input", "restored", "target")


def _save(figure: Figure, path: Path, dpi: int) -> None:
    FigureCanvasAgg(figure)
    layout = figure.get_layout_engine()
    if layout is not None:  # saving would draw everything once more to lay it out
        layout.execute(figure)
        figure.set_layout_engine("none")
    with atomic_path(path) as temporary:
        # Compressing harder takes about as long as all else, for a file that is a little smaller.
        figure.savefig(temporary, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})


def _panels(history: Sequence[dict[str, Any]]) -> list[str]:
    """The loss, then every validation metric that has a value, in order of appearance."""
    metrics: list[str] = []
    for row in history:
        for key in row:
            kind, _, name = key.partition("/")
            if kind == "val" and name and "/" not in name and name != "loss":
                metrics.append(name)
    return ["loss", *dict.fromkeys(metrics)]


def _series(history: Sequence[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    """Epochs and values of the rows that hold a finite value under `key`."""
    points = [
        (row["epoch"], float(row[key]))
        for row in history
        if row.get(key) is not None and math.isfinite(row[key])
    ]
    return [epoch for epoch, _ in points], [value for _, value in points]


def plot_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw a run's curves by epoch: losses in one panel, each validation metric in its own.

    Args:
        history: one dict per epoch, such as `{"epoch": 3, "train/loss": 0.1, "val/loss": 0.2,
            "val/psnr": 30.0}`. Epochs without validation may leave out the `val/` keys; values
            that are not finite are left out of the curve. `train/<metric>` joins its panel as
            what it is, a figure of some training samples.
        path: the PNG to write; its folder is made, an older file is replaced at once.
    """
    panels = _panels(history)
    columns = min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(4.6 * columns, 3.4 * rows), layout="constrained")
    for place, name in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, columns, place)
        learnt = "training" if name == "loss" else "training samples"
        for colour, kind, label in (("C0", "train", learnt), ("C1", "val", "validation")):
            epochs, values = _series(history, f"{kind}/{name}")
            if epochs:
                axes.plot(epochs, values, colour, marker="o", markersize=3, label=label)
        axes.set_title(name)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    _save(figure, Path(path), dpi=110)


def _shrunk(image: np.ndarray) -> np.ndarray:
    """The picture as matplotlib draws it: at most `_SIDE` pixels a side, gray without channel."""
    factor = _SIDE / max(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image


def sample_sheet(
    samples: Sequence[tuple[Any, ...]],
    path: Path,
    columns: Sequence[str] = _COLUMNS,
) -> None:
    """Draw pictures side by side, one row each, with the picture's name and a label per column.

    Args:
        samples: per row its name and a picture for each column, such as (name, input, restored,
            target); uint8 HWC with one or three channels.
        path: the PNG to write; its folder is made, an older file is replaced at once.
        columns: a label for each.

    Raises:
        ValueError: there is no sample.
    """
    if not samples:
        raise ValueError("a sample sheet needs at least one picture")
    ratios = [max(image.shape[0] / image.shape[1] for image in row[1:]) for row in samples]
    heights = [_INCHES * min(ratio, 2.0) + 0.55 for ratio in ratios]
    figure = Figure(figsize=(_INCHES * len(columns), sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(samples), len(columns), height_ratios=heights)
    for row, (name, *images) in enumerate(samples):
        for column, (label, image) in enumerate(zip(columns, images, strict=True)):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(_shrunk(image), cmap="gray", vmin=0, vmax=255)
            axes.set_title(label, fontsize=10)
            axes.set_xticks([])
            axes.set_yticks([])
            if column == 0:
                axes.set_ylabel(_shorten(name), fontsize=8)
    _save(figure, Path(path), dpi=120)


def plot_histogram(
    values: Sequence[float], path: Path, label: str, logarithmic: bool = False
) -> None:
    """Draw how often values occur, and their median.

    Args:
        values: at least one, finite.
        path: the PNG to write; its folder is made, an older file is replaced at once.
        label: what the values are.
        logarithmic: bins whose widths grow with the value, from 0.01 on; less counts as that.
    """
    shown = np.maximum(values, 0.01) if logarithmic else np.asarray(values)
    ends = shown.min(), max(shown.max(), shown.min() * 1.01 + 1e-6)
    bins = np.geomspace(*ends, 41) if logarithmic else np.linspace(*ends, 41)
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.hist(shown, bins=bins.tolist())
    axes.axvline(float(np.median(shown)), color="black", linestyle="--", label="median")
    axes.set_xscale("log" if logarithmic else "linear")
    axes.set_xlabel(label)
    axes.set_ylabel("pictures")
    axes.legend()
    _save(figure, Path(path), dpi=110)


def plot_sizes(sizes: Sequence[tuple[int, int]], path: Path) -> None:
    """Draw how many pictures have which width and height, and how many megapixels.

    Args:
        sizes: height and width of each picture, in pixels; at least one.
        path: the PNG to write; its folder is made, an older file is replaced at once.
    """
    counts = Counter(sizes)
    heights, widths = zip(*counts, strict=True)
    figure = Figure(figsize=(9.2, 3.8), layout="constrained")
    axes = figure.add_subplot(1, 2, 1)
    most = max(counts.values())
    areas = [10 + 150 * count / most for count in counts.values()]
    axes.scatter(widths, heights, s=areas, alpha=0.5)
    axes.set_xlabel("width (pixels)")
    axes.set_ylabel("height (pixels)")
    axes.set_title(f"{len(counts):,} sizes; a spot's area: pictures")
    axes.grid(alpha=0.3)
    axes = figure.add_subplot(1, 2, 2)
    axes.hist([height * width / 1e6 for height, width in sizes], bins=40)
    axes.set_xlabel("megapixels")
    axes.set_ylabel("pictures")
    _save(figure, Path(path), dpi=110)


def plot_roc(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Draw receiver operating characteristics whole and, beside, their upper left corner.

    Args:
        curves: by name: the share of the negatives called positive, rising from 0 to 1, and the
            share of the positives found at the same thresholds.
        path: the PNG to write; its folder is made, an older file is replaced at once.
    """
    figure = Figure(figsize=(8.4, 4.0), layout="constrained")
    for place, part in enumerate((1.0, 0.1), start=1):
        axes = figure.add_subplot(1, 2, place)
        for name, (false, true) in curves.items():
            axes.plot(false, true, drawstyle="steps-post", label=name)
        axes.set_xlim(-0.01 * part, part)
        axes.set_ylim(1 - part, 1 + 0.01 * part)
        axes.set_xlabel("false-positive rate")
        axes.set_ylabel("true-positive rate (recall)")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    _save(figure, Path(path), dpi=110)


def plot_confusion(counts: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix.

    Args:
        counts: (K, K): row the class, column what it was called.
        classes: the K names.
        path: the PNG to write; its folder is made, an older file is replaced at once.
    """
    figure = Figure(figsize=(3.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), "Blues", vmin=0, vmax=2)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, f"{count:,}", ha="center", va="center")
    axes.set_xticks(range(len(classes)), [f"called {name}" for name in classes])
    axes.set_yticks(range(len(classes)), classes)
    _save(figure, Path(path), dpi=110)


def picture_grid(pictures: Sequence[np.ndarray], path: Path, columns: int = 4) -> None:
    """Draw pictures in rows, each pixel as a square of one colour.

    Args:
        pictures: uint8 HWC with one or three channels; at least one.
        path: the PNG to write; its folder is made, an older file is replaced at once.
        columns: pictures in a row.
    """
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    figure = Figure(figsize=(_INCHES * columns, _INCHES * rows), layout="constrained")
    for place, picture in enumerate(pictures, start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(_shrunk(picture), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_axis_off()
    _save(figure, Path(path), dpi=100)


def _shorten(name: str, longest: int = 40) -> str:
    # A $ would start a formula for matplotlib.
    name = name.replace("$", r"\$")
    return name if len(name) <= longest else f"...{name[3 - longest :]}"
