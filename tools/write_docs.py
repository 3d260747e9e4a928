"""Write docs/configuration.md from the defaults and the parts' signatures.

Examples:
    tools/write_docs.py
    tools/write_docs.py --output configuration.md
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT)]

from engine.reference import configuration_page
from utils.command_line import run_tool
from utils.files import atomic_write_text


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs" / "configuration.md", metavar="FILE"
    )
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write the page."""
    atomic_write_text(arguments.output, configuration_page())
    print(f"{arguments.output}: written")


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
