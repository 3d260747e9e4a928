"""Compare detectors of pixelation on clean photographs: by factor, and on what is easily mistaken.

Every picture is shown clean, after blur, enlarging and JPEG, and pixelated by 1.5 to 8, all drawn
by seed. The first table has the figures of clean pictures against pixelation by 1.5 to 4.

Examples:
    tools/benchmark_detector.py datasets/sr/BSD100 --weights weights/pixelation_detector.safetensors
    tools/benchmark_detector.py photos/ 'more/*.png' --crop 640 --pages 50 --weights *.safetensors
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

import numpy as np
import torch
from tqdm import tqdm

from data.datasets.printed_matter import PrintedMatter
from engine.contenders import refuse_equal_names
from engine.detector import Detector
from engine.detector_benchmark import compare, conditions, counts, time_detector
from engine.metrics import CLASSIFICATION_METRICS
from engine.restore_files import find_files, is_video
from engine.systems import DETECTION_WEIGHTS
from utils.command_line import at_least, run_tool
from utils.hardware import describe_device
from utils.images import read_image
from utils.logging import setup_logging
from utils.parameters import count_parameters

_FLOAT32 = 4  # bytes
_PAGE = 640  # pixels, side of a page


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file, folder or pattern")
    parser.add_argument(
        "--weights", nargs="+", type=Path, default=[DETECTION_WEIGHTS], metavar="FILE"
    )
    parser.add_argument(
        "--crop",
        type=at_least(1),
        metavar="N",
        help="the N x N pixels in the middle of larger pictures",
    )
    parser.add_argument(
        "--pages",
        type=at_least(0),
        default=0,
        metavar="N",
        help="so many laid-out pages of text besides",
    )
    parser.add_argument(
        "--batch", type=at_least(1), default=256, help="pictures at once, for the speed"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Compare and print the tables."""
    setup_logging()
    refuse_equal_names(path.stem for path in arguments.weights)
    detectors = {
        path.stem: Detector.from_weights(path, arguments.device) for path in arguments.weights
    }
    files = [path for path in find_files(arguments.inputs) if not is_video(path)]
    total = len(files) + arguments.pages
    pictures = tqdm(_pictures(files, arguments), "pictures", total, leave=False, disable=None)
    asked = conditions()
    tallies = compare(detectors, pictures, asked)
    clean, drawn = asked[0].name, next(one.name for one in asked if one.label)
    print(f"{total} pictures, {clean} against {drawn}:")
    _print_row("", detectors)
    for name in CLASSIFICATION_METRICS.names():
        metric = CLASSIFICATION_METRICS.build(name)
        figures = (metric.compute(counts(tallies, clean, drawn, one)) for one in detectors)
        _print_row(name, [f"{figure:.4f}" for figure in figures])
    print("\nshare called pixelated, %:")
    for condition in asked:
        rates = (100 * tallies[condition.name].rate(name) for name in detectors)
        _print_row(condition.name, [f"{rate:.2f}" for rate in rates])
    _print_speed(detectors, arguments.batch)


def _pictures(files: list[Path], arguments: argparse.Namespace) -> Iterator[np.ndarray]:
    for path in files:
        picture = read_image(path, channels=3)
        side = arguments.crop or max(picture.shape)
        top, left = (max(0, (length - side) // 2) for length in picture.shape[:2])
        yield picture[top : top + side, left : left + side]
    if arguments.pages:
        photos = sorted({str(path.parent) for path in files})
        pages = PrintedMatter(
            arguments.pages, _PAGE, photos, photographed=False, channels=3, split="test"
        )
        for number in range(arguments.pages):
            yield np.asarray(pages.read(number, np.random.default_rng([1, number]))["target"])


def _print_speed(detectors: dict[str, Detector], batch: int) -> None:
    first = next(iter(detectors.values()))
    print(f"\n{describe_device(first.device)}, float32, torch {torch.__version__}, median of 10:")
    _print_row("", detectors)
    speeds = {name: time_detector(one, 480, 640, batch) for name, one in detectors.items()}
    sizes = [count_parameters(one.model) * _FLOAT32 / 2**20 for one in detectors.values()]
    _print_row("640x480 pictures/s, one by one", [f"{s.single:.1f}" for s in speeds.values()])
    _print_row(f"network, batch {batch}, pictures/s", [f"{s.batch:.1f}" for s in speeds.values()])
    _print_row("parameters in float32, MiB", [f"{size:.3f}" for size in sizes])


def _print_row(head: str, cells: Iterable[str]) -> None:
    print(f"{head:<32}" + "".join(f"{cell:>26}" for cell in cells))


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
