"""Tell where the time of a training goes, by phase.

Examples:
    tools/profile_training.py --config-file configs/sd1_glare.yml SOLVER.ITERATIONS 50
    tools/profile_training.py --config-file configs/sd1_glare.yml SOLVER.EPOCHS 2 LOG.PERIOD 10

An epoch is trained from the data set, with all that belongs to it, validation too, in a folder that
goes again. With DATA.WORKERS 0 the making of samples is divided too. Which operations take the time
of a step, or of anything else, is told by tools/benchmark.py --profile.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

import torch

from config import load_config
from engine.precision import resolve_device
from engine.profiling import profile_phases
from utils.command_line import add_config_arguments, run_tool
from utils.hardware import describe_device
from utils.phases import phase_table


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Profile, and print a table."""
    overrides = ["SOLVER.EPOCHS", "1", *arguments.overrides]
    cfg = load_config(arguments.config_file, overrides)
    device = describe_device(resolve_device(cfg.DEVICE))
    rows = profile_phases(cfg)
    print(f"{arguments.config_file}, {device}, torch {torch.__version__}\n\n{phase_table(rows)}")


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
