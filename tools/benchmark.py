"""Time how long the networks of some configs take to restore one picture.

Examples:
    tools/benchmark.py configs/sd1_glare.yml
    tools/benchmark.py configs/sd1_glare.yml configs/sd1_glare_unet.yml --size 512 512

Weights are random: they do not change the time. A picture goes in and comes out as uint8, batch 1.
"""

import argparse
import os
import platform
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

import torch

from config import load_config
from engine.benchmark import time_restorers
from engine.restorer import Restorer
from modeling.build import build_model
from utils.command_line import run_tool


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="+", type=Path, metavar="CONFIG", help="a YAML file")
    parser.add_argument(
        "--size", nargs=2, type=int, default=[512, 512], metavar=("HEIGHT", "WIDTH")
    )
    parser.add_argument("--repeats", type=int, default=20, help="counted rounds")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Time the networks and print a table."""
    restorers = {
        str(path): Restorer(build_model(load_config(path)), arguments.device)
        for path in arguments.configs
    }
    height, width = arguments.size
    timings = time_restorers(restorers, height, width, arguments.repeats)
    first = next(iter(restorers.values()))
    where = (
        torch.cuda.get_device_name(first.device)
        if first.device.type == "cuda"
        else f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
    )
    print(
        f"{width}x{height}, batch 1, {first.precision}, {where}, torch {torch.__version__}, "
        f"median of {arguments.repeats}\n"
    )
    print(f"{'config':<40} {'parameters':>11} {'median ms':>10} {'fastest ms':>11} {'ratio':>6}")
    for name, timing in timings.items():
        parameters = sum(p.numel() for p in restorers[name].model.parameters())
        print(
            f"{name:<40} {parameters:>11,} {timing.median * 1e3:>10.1f} "
            f"{timing.fastest * 1e3:>11.1f} {timing.ratio:>6.2f}"
        )


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
