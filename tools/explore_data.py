"""Show what a folder of photographs holds: sizes, brightness, sharpness, HR and LR samples.

Writes five PNG files and one HTML page that shows them.

Examples:
    tools/explore_data.py ~/Downloads/mirflickr
    tools/explore_data.py datasets/DIV2K/DIV2K_train_HR --output output/div2k --scale 2
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from data.explore import explore, write_report
from utils.command_line import run_tool


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="default: output/explore/ and FOLDER's name"
    )
    parser.add_argument(
        "--scale", type=_whole, default=4, help="how much smaller LR is; default: 4"
    )
    parser.add_argument(
        "--samples", type=_whole, default=16, metavar="N", help="pictures on a grid; default: 16"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the samples' choice; default: 0")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Measure, draw, and say where the page is."""
    folder: Path = arguments.folder
    output = arguments.output or Path("output", "explore", folder.resolve().name)
    found = explore(folder)
    page = write_report(found, folder, output, arguments.scale, arguments.samples, arguments.seed)
    for problem in found.unreadable:
        print(f"warning: {problem}", file=sys.stderr)
    print(f"{len(found.files):,} pictures measured: {page}")


def _whole(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
