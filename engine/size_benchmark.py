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
from PIL import ExifTags, Image

from engine.correction import PixelationCorrector
from engine.detector import Detector
from engine.restore_files import Job, restore_file
from engine.restore_options import DEFAULTS, RestoreOptions, RestoresPictures
from engine.restorer import Restorer
from engine.systems import DETECTION_WEIGHTS
from utils.errors import PellucidError
from utils.image_rows import RowWriter

_BAND = 256  # rows of a picture that are made at a time
_BLOCK = 16  # side of what looks like print in it
_QUALITY = 95  # of JPEG
_UPRIGHT, _QUARTER_TURN = 1, 6  # EXIF's orientations
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


@dataclass(frozen=True)
class Way:
    """How pictures are restored, and as which files.

    Attributes:
        weights: what is restored by.
        device: as for `Restorer`.
        options: as for `Restorer.restore`.
        auto: ask the pixelation detector first; the picture is pixelated, unless JPEG hides it.
        source: suffix of the picture.
        turned: it is one that its EXIF orientation turns by a quarter.
        result: suffix of the result.
    """

    weights: Path
    device: str
    options: RestoreOptions = DEFAULTS
    auto: bool = False
    source: str = ".png"
    turned: bool = False
    result: str = ".png"

    def restorer(self) -> RestoresPictures:
        """What restores so."""
        restorer = Restorer.from_weights(self.weights, self.device)
        if not self.auto:
            return restorer
        detector = Detector.from_weights(DETECTION_WEIGHTS, self.device)
        return PixelationCorrector(restorer, detector)


def costs_by_size(
    way: Way, megapixels: Sequence[float], folder: Path, repeats: int
) -> Iterator[Cost]:
    """Restore square colour pictures of growing size, each size in a process of its own.

    Each process restores the smallest picture first, uncounted.

    Args:
        way: how.
        megapixels: sizes, in millions of pixels.
        folder: where pictures and results are put.
        repeats: counted restorations.

    Raises:
        PellucidError: the system does not tell what memory a process holds, the weights cannot be
            used, or the disk is full.
    """
    if not _STATUS.exists():
        raise PellucidError(f"{_STATUS}: is not there; memory is measured on Linux only")
    small = _picture_for(way, folder / "smallest.png", min(megapixels))
    for size in megapixels:
        picture = _picture_for(way, folder / "picture.png", size)
        work = partial(_measured, way, small, picture, repeats)
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            yield Cost(size, *process.submit(work).result())


def _picture_for(way: Way, path: Path, megapixels: float) -> Path:
    """A picture to restore, by way of the PNG file `path`."""
    write_picture(path, megapixels)
    if way.source == path.suffix and not way.turned:
        return path
    with Image.open(path) as picture:
        exif = picture.getexif()
        exif[ExifTags.Base.Orientation] = _QUARTER_TURN if way.turned else _UPRIGHT
        picture.save(path.with_suffix(way.source), quality=_QUALITY, exif=exif)
    return path.with_suffix(way.source)


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


def _measured(way: Way, small: Path, picture: Path, repeats: int) -> tuple[float, float, int]:
    """Seconds, CPU seconds and bytes; in a process that has done nothing else."""
    restorer = way.restorer()
    result = picture.with_name(f"result{way.result}")
    restore_file(restorer, Job(small, result), way.options)
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        began, cpu_began = time.perf_counter(), time.process_time()
        restore_file(restorer, Job(picture, result), way.options)
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(time.process_time() - cpu_began)
    return statistics.median(seconds), statistics.median(cpu_seconds), _most_resident()


def _most_resident() -> int:
    """The most memory that this process has held, in bytes."""
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
