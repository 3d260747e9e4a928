"""Decoding every picture once: what is damaged, and what the pictures look like from afar."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from data.doctor.findings import Finding
from data.doctor.headers import unreadable
from data.inventory import SampleFiles
from utils.errors import ImageError
from utils.images import read_image

SIDE = 48  # pixels of a thumbnail: enough to tell pictures apart, too few to show their damage


def decode_all(
    split: str, samples: Iterable[SampleFiles]
) -> tuple[dict[Path, np.ndarray], list[Finding]]:
    """Decode every file of a split.

    Returns:
        A gray thumbnail of each target, (SIDE, SIDE) float32 from 0 to 255, squashed to a square;
        and a finding for each file that cannot be decoded to its end.
    """
    panels: dict[Path, tuple[int, int] | None] = {}
    for sample in samples:
        panels[sample.target] = (sample.panels.index("target"), len(sample.panels))
        if sample.input is not None:
            panels.setdefault(sample.input, None)
    thumbnails: dict[Path, np.ndarray] = {}
    findings = []
    results = _in_threads(panels)
    for file, result in tqdm(
        results, f"decode {split}", len(panels), unit="file", leave=False, disable=None
    ):
        if isinstance(result, ImageError):
            findings.append(unreadable(split, file, result))
        elif result is not None:
            thumbnails[file] = result
    return thumbnails, findings


def _in_threads(
    panels: dict[Path, tuple[int, int] | None],
) -> Iterator[tuple[Path, np.ndarray | ImageError | None]]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding leaves Python's lock alone
        try:
            yield from zip(panels, pool.map(_look_at, panels, panels.values()), strict=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _look_at(file: Path, panel: tuple[int, int] | None) -> np.ndarray | ImageError | None:
    """A target's thumbnail; nothing of an input; the error of a file that cannot be decoded."""
    try:
        picture = read_image(file, channels=1)
    except ImageError as error:
        return error
    if panel is None:
        return None
    position, count = panel
    width = picture.shape[1] // count
    if width == 0:
        return None
    peak = np.float32(np.iinfo(picture.dtype).max / 255)
    part = picture[:, position * width : (position + 1) * width, 0].astype(np.float32) / peak
    return cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
