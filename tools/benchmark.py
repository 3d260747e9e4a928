"""Measure the time and memory that the networks of some configs take to restore one picture.

Examples:
    tools/benchmark.py configs/sd1_glare.yml
    tools/benchmark.py configs/sd1_glare.yml configs/sd1_glare_unet.yml --size 512 512
    tools/benchmark.py configs/sd1_glare_unet.yml --size 2048 2048 --tile 256 512 1024

Weights are random: they do not change the time. A picture goes in and comes out as uint8, batch 1.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

import torch

from config import load_config
from engine.benchmark import Way, time_restoring
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling.build import build_model
from utils.command_line import run_tool
from utils.hardware import describe_device


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="+", type=Path, metavar="CONFIG", help="a YAML file")
    parser.add_argument(
        "--size", nargs=2, type=int, default=[512, 512], metavar=("HEIGHT", "WIDTH")
    )
    parser.add_argument(
        "--tile", nargs="*", type=int, default=[], metavar="N", help="in tiles of N pixels too"
    )
    parser.add_argument("--repeats", type=int, default=20, help="counted rounds")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Time the networks and print a table."""
    ways: dict[str, Way] = {}
    for path in arguments.configs:
        restorer = Restorer(build_model(load_config(path)), arguments.device)
        ways[str(path)] = Way(restorer)
        for tile in arguments.tile:
            ways[f"{path}, tile {tile}"] = Way(restorer, RestoreOptions(tile))
    height, width = arguments.size
    timings = time_restoring(ways, height, width, arguments.repeats)
    first = next(iter(ways.values())).restorer
    print(
        f"{width}x{height}, batch 1, {first.precision}, {describe_device(first.device)}, "
        f"torch {torch.__version__}, median of {arguments.repeats}\n"
    )
    print(
        f"{'config':<44} {'parameters':>11} {'median ms':>10} {'fastest ms':>11} {'ratio':>6} "
        f"{'peak MB':>8}"
    )
    for name, timing in timings.items():
        parameters = sum(p.numel() for p in ways[name].restorer.model.parameters())
        print(
            f"{name:<44} {parameters:>11,} {timing.median * 1e3:>10.1f} "
            f"{timing.fastest * 1e3:>11.1f} {timing.ratio:>6.2f} {timing.peak_bytes / 1e6:>8.1f}"
        )


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
