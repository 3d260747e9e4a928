"""What pictures look like from afar."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from utils.errors import ImageError
from utils.images import read_image

SIDE = 48  # pixels of a thumbnail: enough to tell pictures apart, too few to show their damage

Panel = tuple[int, int]  # which of how many panels of equal width, from left to right

WHOLE: Panel = (0, 1)


def thumbnails_of(
    panels: Mapping[Path, Panel | None], title: str
) -> Iterator[tuple[Path, np.ndarray | ImageError | None]]:
    """Decode every file to its end, several at a time, behind a progress bar.

    Args:
        panels: what of each file to look at; None decodes it only.
        title: what the progress bar says.

    Yields:
        each file and its gray thumbnail, (SIDE, SIDE) float32 from 0 to 255, squashed to a square;
        None in its place where none is wanted or the panel is empty; or the error of a file that
        cannot be decoded.
    """
    results = tqdm(
        _in_threads(panels), title, len(panels), unit="file", leave=False, delay=1, disable=None
    )
    yield from results


def _in_threads(
    panels: Mapping[Path, Panel | None],
) -> Iterator[tuple[Path, np.ndarray | ImageError | None]]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding leaves Python's lock alone
        try:
            yield from zip(panels, pool.map(_look_at, panels, panels.values()), strict=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _look_at(file: Path, panel: Panel | None) -> np.ndarray | ImageError | None:
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
