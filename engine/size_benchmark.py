"""What restoring costs by the size of a picture: time and memory, from file to file."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from engine.restore_files import Job, restore_file
from engine.restorer import Restorer
from utils.errors import PellucidError
from utils.image_rows import RowWriter

_BAND = 256  # rows of a picture that are made at a time
_BLOCK = 16  # side of what looks like print in it
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Cost:
    """What one picture took.

    Attributes:
        megapixels: its pixels, in millions.
        seconds: from file to file; the median of the repeats.
        cpu_seconds: of all threads, likewise: what holds where other work runs beside.
        resident_bytes: the most that the process held at any time, everything counted.
    """

    megapixels: float
    seconds: float
    cpu_seconds: float
    resident_bytes: int


def costs_by_size(
    weights: Path, megapixels: Sequence[float], folder: Path, device: str, repeats: int
) -> Iterator[Cost]:
    """Restore square colour PNG files of growing size, each size in a process of its own.

    Each process restores the smallest picture first, uncounted.

    Args:
        weights: what is restored by.
        megapixels: sizes, in millions of pixels.
        folder: where pictures and results are put.
        device: as for `Restorer`.
        repeats: counted restorations.

    Raises:
        PellucidError: the system does not tell what memory a process holds, the weights cannot be
            used, or the disk is full.
    """
    if not _STATUS.exists():
        raise PellucidError(f"{_STATUS}: is not there; memory is measured on Linux only")
    small = write_picture(folder / "smallest.png", min(megapixels))
    for size in megapixels:
        picture = write_picture(folder / "picture.png", size)
        work = partial(_measured, weights, small, picture, device, repeats)
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            yield Cost(size, *process.submit(work).result())


def write_picture(path: Path, megapixels: float) -> Path:
    """A square colour picture, band by band: blocks of even colour, and a little noise."""
    side = max(1, round((megapixels * 1e6) ** 0.5))
    rng = np.random.default_rng(0)
    writer = RowWriter(path, str(path), (side, side, 3), np.dtype(np.uint8))
    for top in range(0, side, _BAND):
        rows = min(_BAND, side - top)
        blocks = rng.integers(30, 220, (-(-rows // _BLOCK), -(-side // _BLOCK), 3), dtype=np.uint8)
        band = blocks.repeat(_BLOCK, 0).repeat(_BLOCK, 1)[:rows, :side]
        noise = rng.integers(0, 4, (rows, side, 1), dtype=np.uint8)
        writer[top : top + rows, 0:side] = band + noise
    writer.finish()
    return path


def _measured(
    weights: Path, small: Path, picture: Path, device: str, repeats: int
) -> tuple[float, float, int]:
    """Seconds, CPU seconds and bytes; in a process that has done nothing else."""
    restorer = Restorer.from_weights(weights, device)
    result = picture.with_name("result.png")
    restore_file(restorer, Job(small, result))
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        began, cpu_began = time.perf_counter(), time.process_time()
        restore_file(restorer, Job(picture, result))
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(time.process_time() - cpu_began)
    return statistics.median(seconds), statistics.median(cpu_seconds), _most_resident()


def _most_resident() -> int:
    """The most memory that this process has held, in bytes."""
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
