"""Measure what restoring costs by the size of a picture: seconds, and memory of the process.

Examples:
    tools/benchmark_size.py
    tools/benchmark_size.py --weights weights/lowlight_net.safetensors --megapixels 0.25 1 4
    tools/benchmark_size.py --device cuda --repeats 5

Colour PNG files are made, restored from file to file as tools/restore.py does, and removed.
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
from engine.size_benchmark import costs_by_size
from engine.systems import SYSTEMS
from utils.command_line import at_least, run_tool
from utils.hardware import describe_device


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights",
        type=Path,
        default=SYSTEMS["glare"].default,
        metavar="FILE",
        help="default: the glare remover's",
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
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Measure size by size and print a table."""
    device = resolve_device(arguments.device)
    print(
        f"{arguments.weights.name}, colour PNG to PNG, {describe_device(device)}, "
        f"torch {torch.__version__}, median of {arguments.repeats}\n"
    )
    print(
        "| megapixels | seconds | CPU seconds | of them per megapixel | peak resident memory, MB |"
    )
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        words = (arguments.weights, arguments.megapixels, Path(folder), str(device))
        for cost in costs_by_size(*words, arguments.repeats):
            each = cost.cpu_seconds / cost.megapixels
            resident = cost.resident_bytes / 1e6
            print(
                f"| {cost.megapixels:g} | {cost.seconds:.2f} | {cost.cpu_seconds:.2f} | {each:.3f} "
                f"| {resident:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
