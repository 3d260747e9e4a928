"""Who tells what a run measured: log, metrics.jsonl, TensorBoard, curves, sheets, progress bar."""

from __future__ import annotations

import errno
import json
import math
import os
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from engine.evaluator import Sample
from engine.history import EPOCH, STEP, History, Record, Writer
from engine.position import Position
from utils.distributed import is_main
from utils.files import atomic_write_text, refusals_named
from utils.logging import get_logger
from utils.plots import plot_curves, sample_sheet

_log = get_logger(__name__)


class LogLines(Writer):
    """One readable line a record."""

    def __init__(self, total_epochs: int, total_iterations: int) -> None:
        self._epochs = total_epochs
        self._iterations = total_iterations

    def write(self, record: Record, history: History) -> None:
        """See `Writer.write`."""
        values = "  ".join(f"{name} {_readable(name, v)}" for name, v in record.values.items())
        place = f"epoch {record.epoch}/{self._epochs}"
        if record.kind == STEP:
            place += f" step {record.iteration}/{self._iterations}"
        _log.info("%s  %s", place, values)


def _readable(name: str, value: float) -> str:
    if name == "eta":
        return str(timedelta(seconds=round(value)))
    if name == "speed":
        return f"{value:.3g} steps/s"
    return f"{value:.3g}" if name == "lr" else f"{value:.5g}"


class JsonLines(Writer):
    """`metrics.jsonl`: one JSON object a record; a value that is not finite is null.

    Args:
        path: the file.
        done: go on with an older file, without the records after this position: they are measured
            again. None begins a new file.

    Raises:
        PellucidError: naming the file, where it cannot be written; there is no half line then.
    """

    def __init__(self, path: Path, done: Position | None) -> None:
        kept = [] if done is None or not path.is_file() else _lines_until(path, done)
        atomic_write_text(path, "".join(f"{line}\n" for line in kept))
        self._path = path
        self._file = path.open("ab", buffering=0)

    def write(self, record: Record, history: History) -> None:
        """See `Writer.write`."""
        flat = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in record.flat().items()
        }
        line = (json.dumps(flat) + "\n").encode()
        size = self._file.tell()
        with refusals_named(self._path):
            if self._file.write(line) != len(line):
                self._file.truncate(size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """See `Writer.close`."""
        self._file.close()


def _lines_until(path: Path, done: Position) -> list[str]:
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
            if done.is_past(record["kind"], record["iteration"]):
                kept.append(line)
        except (ValueError, KeyError, TypeError):  # the torn last line of a killed run
            break
    return kept


class TensorBoard(Writer):
    """Scalars and strips of pictures (input | restored | target) for TensorBoard.

    Args:
        folder: where the event file goes.
        done: as in `JsonLines`; older events after it are hidden.

    Raises:
        PellucidError: naming the folder, where an event cannot be written.
    """

    def __init__(self, folder: Path, done: Position | None) -> None:
        purge = None if done is None else done.iteration + 1
        self._folder = folder
        self._events = SummaryWriter(str(folder), purge_step=purge)
        self._hook = threading.excepthook
        threading.excepthook = self._hear_thread

    def write(self, record: Record, history: History) -> None:
        """See `Writer.write`."""
        with refusals_named(self._folder, "TensorBoard's events"):
            for name, value in record.values.items():
                tag = name if record.kind == EPOCH else f"step/{name}"
                self._events.add_scalar(tag, value, record.iteration)

    def show(self, samples: Sequence[Sample], epoch: int, iteration: int) -> None:
        """See `Writer.show`."""
        with refusals_named(self._folder, "TensorBoard's events"):
            for number, (_, *pictures) in enumerate(samples):
                strip = _strip(pictures)
                self._events.add_image(f"samples/{number}", strip, iteration, dataformats="HWC")
            self._events.flush()

    def close(self) -> None:
        """See `Writer.close`."""
        try:
            with refusals_named(self._folder, "TensorBoard's events"):
                self._events.close()
        finally:
            threading.excepthook = self._hook

    def _hear_thread(self, failure: threading.ExceptHookArgs) -> None:
        """Its writing thread's traceback on a full disk is left out: the next call raises that."""
        ours = type(failure.thread).__module__.startswith("tensorboard.")
        if not (ours and isinstance(failure.exc_value, OSError)):
            self._hook(failure)


def _strip(pictures: Sequence[np.ndarray], height: int = 384) -> np.ndarray:
    """Pictures beside each other, shrunk to `height` rows so that event files stay small."""
    factor = min(1.0, height / pictures[0].shape[0])
    strip = np.concatenate(pictures, axis=1)
    if factor < 1.0:
        strip = cv2.resize(strip, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return strip if strip.ndim == 3 else strip[..., None]


class Curves(Writer):
    """The curves of the run so far, drawn anew after each validation."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, record: Record, history: History) -> None:
        """See `Writer.write`."""
        if record.kind == EPOCH and "val/loss" in record.values:
            plot_curves([epoch.flat() for epoch in history.epochs], self._path)


class SampleSheets(Writer):
    """`epoch_NNN.png` for each validation: input, restored and target side by side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def show(self, samples: Sequence[Sample], epoch: int, iteration: int) -> None:
        """See `Writer.show`."""
        if samples:
            sample_sheet(samples, self._folder / f"epoch_{epoch:03d}.png")


class ProgressBar(Writer):
    """A bar with loss, speed and time left on the main process's terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def begin(self, title: str, total: int, done: int) -> None:
        """Draw a bar of `total` steps, `done` of them taken already."""
        hidden = None if is_main() else True  # None hides it where there is no terminal
        self._bar = tqdm(
            total=total, initial=done, desc=title, unit="step", leave=False, disable=hidden
        )

    def advance(self) -> None:
        """One step more."""
        if self._bar is not None:
            self._bar.update()

    def write(self, record: Record, history: History) -> None:
        """See `Writer.write`."""
        if self._bar is not None and record.kind == STEP and "loss" in record.values:
            self._bar.set_postfix(loss=f"{record.values['loss']:.4g}", refresh=False)

    def close(self) -> None:
        """Wipe the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
