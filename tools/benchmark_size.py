"""Measure what restoring costs by the size of a picture: seconds, and memory of the process.

Examples:
    tools/benchmark_size.py
    tools/benchmark_size.py --weights weights/lowlight_net.safetensors --megapixels 0.25 1 4
    tools/benchmark_size.py --device cuda --repeats 5
    tools/benchmark_size.py --megapixels 100 --files .jpg .webp
    tools/benchmark_size.py --megapixels 100 --outscale 0.5

Colour pictures are made, restored from file to file as tools/restore.py does, and removed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

import torch

from engine.precision import resolve_device
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from engine.size_benchmark import Way, costs_by_size
from engine.systems import SYSTEMS
from utils.command_line import at_least, run_tool
from utils.hardware import describe_device
from utils.images import SUFFIXES


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="default: those of tools/restore.py",
    )
    parser.add_argument(
        "--megapixels",
        nargs="+",
        type=at_least(0.001),
        default=[0.25, 1.0, 4.0, 16.0, 64.0, 100.0],
        metavar="M",
        help="sizes, in millions of pixels",
    )
    parser.add_argument("--repeats", type=at_least(1), default=3, help="counted, of each size")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument(
        "--folder", type=Path, metavar="FOLDER", help="where the pictures are put meanwhile"
    )
    parser.add_argument(
        "--files",
        nargs=2,
        choices=SUFFIXES,
        default=[".png", ".png"],
        metavar=("SUFFIX", "SUFFIX"),
        help="of the picture and its result: .jpg .webp",
    )
    parser.add_argument("--turned", action="store_true", help="EXIF turns the picture by a quarter")
    parser.add_argument("--outscale", type=float, metavar="S", help="as of tools/restore.py")
    parser.add_argument("--self-ensemble", action="store_true", help="likewise")
    parser.add_argument("--auto", action="store_true", help="likewise; PNG pictures are pixelated")
    return parser


def way_of(arguments: argparse.Namespace) -> Way:
    """How the command line asks to restore."""
    system = SYSTEMS["pixelation" if arguments.auto else "glare"]
    return Way(
        arguments.weights or system.default,
        str(resolve_device(arguments.device)),
        RestoreOptions(self_ensemble=arguments.self_ensemble, outscale=arguments.outscale),
        arguments.auto,
        arguments.files[0],
        arguments.turned,
        arguments.files[1],
    )


def main(arguments: argparse.Namespace) -> None:
    """Measure size by size and print a table."""
    way = way_of(arguments)
    restorer = Restorer.from_weights(way.weights, way.device)
    print(
        f"{way.weights.name}, {restorer.precision}, colour {' to '.join(arguments.files)}, "
        f"{describe_device(restorer.device)}, torch {torch.__version__}, "
        f"median of {arguments.repeats}\n"
    )
    print(
        "| megapixels | seconds | CPU seconds | of them per megapixel, ratio "
        "| peak resident memory, MB |"
    )
    print("|---|---|---|---|---|")
    first = None
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for cost in costs_by_size(way, arguments.megapixels, Path(folder), arguments.repeats):
            each = cost.cpu_seconds / cost.megapixels
            first = first or each
            print(
                f"| {cost.megapixels:g} | {cost.seconds:.2f} | {cost.cpu_seconds:.2f} "
                f"| {each / first:.2f} | {cost.resident_bytes / 1e6:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
