"""Write a weights file anew in half precision: half the size, to be shipped.

Examples:
    tools/halve_weights.py output/div2k_edsr/checkpoints/best.safetensors -o edsr.safetensors

Measure both files (tools/test_net.py, tools/benchmark_sr.py) before the smaller one goes out.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from engine.halving import halve_weights
from utils.command_line import run_tool


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="FILE", help="a .safetensors file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write the smaller file and say how small it is."""
    halve_weights(arguments.source, arguments.output)
    before, after = (path.stat().st_size / 2**20 for path in (arguments.source, arguments.output))
    print(f"{arguments.output}: {after:.2f} MiB (was {before:.2f})")


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
