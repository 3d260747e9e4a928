"""Check every picture that a config's data sets name.

Lists what is wrong, each with its split, file and reason: missing and extra halves of pairs;
unreadable, truncated and empty files; sizes that do not fit the model or the crops; depths and
channels unlike the rest; validation or test pictures that training has too, byte for byte, and
with --thorough also rescaled, mirrored, recompressed or slightly cropped.

Exits with 0 when nothing is wrong, with 1 when something is, with 2 when it cannot look.

Examples:
    tools/check_data.py --config-file configs/sd1_glare.yml
    tools/check_data.py --config-file configs/sd1_glare.yml --thorough
    tools/check_data.py --config-file configs/sd1_glare.yml DATASETS.VAL.ARGS.folder my/pictures
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from data.doctor import examine
from modeling.build import build_network
from utils.command_line import add_config_arguments, run_tool


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="look for copies of training pictures whose bytes differ, too",
    )
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Examine, list, sum up; 1 where anything was found."""
    cfg = load_config(arguments.config_file, arguments.overrides)
    scale = build_network(cfg).descriptor.scale
    report = examine(cfg, scale, decode=True, thorough=arguments.thorough)
    for finding in report.findings:
        print(finding)
    print("\n".join(report.summary()))
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
