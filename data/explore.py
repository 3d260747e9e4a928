"""What a folder of photographs holds: sizes, brightness, sharpness, and samples to look at."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import escape
from os import cpu_count
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from data.datasets.files import pictures_below
from utils.errors import DataError, ImageError
from utils.files import atomic_write_text
from utils.images import read_image, to_8_bit
from utils.plots import picture_grid, plot_histogram, plot_sizes
from utils.resampling import resize_bicubic

_PATCH = 256  # pixels, side of a sample
_PLOTS = {
    "sizes.png": "Sizes",
    "brightness.png": "Brightness",
    "sharpness.png": "Sharpness",
    "samples_HR.png": "Samples",
    "samples_LR.png": "The same samples, shrunk {scale} times and shown pixel by pixel",
}
_STYLE = (
    "body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "img{max-width:100%}td,th{text-align:right;padding:.2em .8em}th:first-child{text-align:left}"
)


@dataclass(frozen=True)
class Exploration:
    """What was measured, picture by picture.

    Attributes:
        files: the pictures.
        sizes: height and width in pixels.
        brightness: mean BT.601 luma, 0 to 255.
        sharpness: variance of the Laplacian of the luma (0 to 255), which blur lowers.
        unreadable: what is wrong with each picture that could not be read.
    """

    files: list[Path] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def explore(folder: Path) -> Exploration:
    """Measure every picture in a folder and below it.

    Raises:
        DataError: no folder, no picture, or none that can be read.
    """
    files = pictures_below(folder)
    found = Exploration()
    with ThreadPoolExecutor(cpu_count()) as threads:  # decoding leaves Python's lock alone
        measured = threads.map(_measure, files)
        bar = tqdm(measured, "measure", len(files), unit="picture", disable=None)
        try:
            for file, result in zip(files, bar, strict=True):
                if isinstance(result, ImageError):
                    found.unreadable.append(str(result))
                    continue
                size, brightness, sharpness = result
                found.files.append(file)
                found.sizes.append(size)
                found.brightness.append(brightness)
                found.sharpness.append(sharpness)
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    if not found.files:
        raise DataError(f"{folder}: none of its {len(files)} pictures can be read")
    return found


def measure(luma: np.ndarray) -> tuple[float, float]:
    """Brightness and sharpness of a gray picture (H, W), 0 to 255."""
    laplacian = cv2.Laplacian(luma.astype(np.float64), cv2.CV_64F)
    return float(luma.mean()), float(laplacian.var())


def write_report(
    found: Exploration, folder: Path, output: Path, scale: int = 4, samples: int = 16, seed: int = 0
) -> Path:
    """Draw what was found: five PNG files and `index.html`, which shows them.

    Args:
        found: what `explore` gave.
        folder: where the pictures came from, for the headline.
        output: the folder to write to; older files of the same names are replaced.
        scale: how many times smaller the LR samples are.
        samples: pictures on a grid.
        seed: of their choice.

    Returns:
        the path of the HTML page.

    Raises:
        PellucidError: `output` cannot be written.
    """
    megapixels = [height * width / 1e6 for height, width in found.sizes]
    plot_sizes(found.sizes, output / "sizes.png")
    plot_histogram(found.brightness, output / "brightness.png", "mean luma (0 to 255)")
    plot_histogram(
        found.sharpness, output / "sharpness.png", "variance of the Laplacian", logarithmic=True
    )
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(found.files), min(samples, len(found.files)), replace=False)
    high = [_patch(read_image(found.files[index], channels=3), scale) for index in sorted(chosen)]
    picture_grid(high, output / "samples_HR.png")
    picture_grid([_shrunk(patch, scale) for patch in high], output / "samples_LR.png")
    rows: dict[str, Sequence[float]] = {
        "height (pixels)": [height for height, _ in found.sizes],
        "width (pixels)": [width for _, width in found.sizes],
        "megapixels": megapixels,
        "brightness": found.brightness,
        "sharpness": found.sharpness,
    }
    page = output / "index.html"
    atomic_write_text(page, _page(found, folder, rows, scale))
    return page


def _measure(file: Path) -> tuple[tuple[int, int], float, float] | ImageError:
    try:
        luma = read_image(file, channels=1)[..., 0]
    except ImageError as error:
        return error
    if luma.dtype == np.uint16:
        luma = luma / np.float32(257)
    return (luma.shape[0], luma.shape[1]), *measure(luma)


def _patch(picture: np.ndarray, scale: int) -> np.ndarray:
    """The middle of a picture as HWC uint8, sides divisible by the scale."""
    height, width = (max(scale, min(_PATCH, n) // scale * scale) for n in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    patch = picture[max(top, 0) :, max(left, 0) :][:height, :width]
    return to_8_bit(patch)


def _shrunk(patch: np.ndarray, scale: int) -> np.ndarray:
    height, width = (max(1, n // scale) for n in patch.shape[:2])
    small = resize_bicubic(patch.astype(np.float32), height, width)
    return np.rint(small.clip(0, 255)).astype(np.uint8)


def _page(found: Exploration, folder: Path, rows: dict[str, Sequence[float]], scale: int) -> str:
    """The HTML page; pictures are linked by file name, so that the folder can be moved."""
    title = f"{len(found.files):,} pictures of {folder}"
    table = ["<tr><th></th><th>smallest</th><th>median</th><th>largest</th></tr>"]
    for name, values in rows.items():
        figures = "".join(f"<td>{q:,.4g}</td>" for q in np.quantile(values, (0, 0.5, 1)))
        table.append(f"<tr><th>{name}</th>{figures}</tr>")
    pictures = [
        f'<h2>{text.format(scale=scale)}</h2><img src="{name}" alt="{text.format(scale=scale)}">'
        for name, text in _PLOTS.items()
    ]
    unreadable = ""
    if found.unreadable:
        lines = "".join(f"<li>{escape(problem)}</li>" for problem in found.unreadable)
        unreadable = f"<h2>{len(found.unreadable):,} unreadable</h2><ul>{lines}</ul>"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<table>{''.join(table)}</table>{''.join(pictures)}{unreadable}</body></html>\n"
    )
