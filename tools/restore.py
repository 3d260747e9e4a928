"""Restore pictures: files, folders or patterns.

Examples:
    tools/restore.py photo.jpg -o clear.jpg
    tools/restore.py scans/ 'more/*.png' -o restored/
    tools/restore.py scans/ -o restored/ --weights output/sd1_glare/checkpoints/best.safetensors
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine.restore_files import plan, restore_files
from engine.restorer import Restorer
from utils.command_line import run_tool
from utils.logging import setup_logging

DEFAULT_WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "glare_unet.safetensors"


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file, folder or pattern")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="a folder, where results take their inputs' names; or a file for one picture",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        default=DEFAULT_WEIGHTS,
        metavar="FILE",
        help="a .safetensors file; by default the glare remover that comes with Pellucid",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--force", action="store_true", help="replace results that are there")
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this module first, for weights of an architecture of your own",
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Restore what the command line names."""
    setup_logging()
    load_config(None, ["PLUGINS", f"[{', '.join(arguments.plugin)}]"])
    jobs = plan(arguments.inputs, arguments.output, arguments.force)
    restorer = Restorer.from_weights(arguments.weights, arguments.device)
    restore_files(restorer, jobs)
    count = len(jobs)
    print(f"{count} picture{'s' if count != 1 else ''} restored: {arguments.output}")


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
