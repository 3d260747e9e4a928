"""Asking a detector about files, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.detector import Detector
from engine.restore_files import find_files, is_video
from engine.verdict import judge
from utils.errors import ImageError, PellucidError
from utils.images import read_image


@dataclass(frozen=True)
class Detection:
    """What was found of one file.

    Attributes:
        picture: the file.
        probability: that it is of the detector's last class; None where it cannot be read.
        verdict: the name of the likelier class; empty likewise.
        block: side of a block in pixels, where it is pixelated.
        error: why it cannot be read.
    """

    picture: Path
    probability: float | None = None
    verdict: str = ""
    block: float | None = None
    error: str = ""


def detect_files(detector: Detector, inputs: Sequence[str]) -> Iterator[Detection]:
    """Classify every picture that files, folders and patterns mean, in their order.

    Raises:
        ImageError: an input that is not there or holds no picture.
    """
    files = [path for path in find_files(inputs) if not is_video(path)]
    if not files:
        raise ImageError(f"{', '.join(inputs)}: no picture among them; videos are not looked at")
    for path in files:
        try:
            yield _detect(detector, path)
        except PellucidError as error:
            yield Detection(path, error=str(error))


def _detect(detector: Detector, path: Path) -> Detection:
    found = judge(detector, read_image(path), str(path))
    return Detection(path, found.probability, found.verdict, found.block)
