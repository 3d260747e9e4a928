"""Train a model.

Examples:
    tools/train_net.py --config-file configs/sd1_glare.yml
    tools/train_net.py --config-file configs/sd1_glare.yml OUTPUT_DIR output/try SOLVER.LR 5e-4
    tools/train_net.py --config-file configs/sd1_glare.yml OUTPUT_DIR output/try --resume
    tools/train_net.py --config-file configs/sd1_glare.yml DEVICE cpu DATA.BATCH_SIZE 2
    torchrun --nproc_per_node 4 tools/train_net.py --config-file configs/sd1_glare.yml
    torchrun --nnodes 1:4 --nproc_per_node 8 --max-restarts 9 --rdzv-backend c10d \
        --rdzv-endpoint first-machine tools/train_net.py --config-file F --resume-or-begin

The output folder holds log.txt, metrics.jsonl, TensorBoard's events, plots/curves.png, samples/,
and checkpoints/: best.safetensors to restore with, last.pt to go on from with --resume, last-1.pt,
the one before it, to go on from with --resume-from. Ctrl-C and SIGTERM save the run before they end
it; one that was killed goes on from its last checkpoint.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine.trainer import Trainer
from utils.command_line import add_config_arguments, run_tool
from utils.distributed import processes


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in OUTPUT_DIR, from its last.pt"
    )
    parser.add_argument(
        "--resume-or-begin",
        action="store_true",
        help="go on where a run has been saved, else begin: for what is restarted by itself",
    )
    parser.add_argument(
        "--resume-from",
        metavar="FILE",
        help="go on with the run in OUTPUT_DIR from an earlier checkpoint, such as last-1.pt",
    )
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Train as the command line asks."""
    with processes():
        cfg = load_config(arguments.config_file, arguments.overrides)
        resume, or_begin = arguments.resume, arguments.resume_or_begin
        Trainer(cfg, resume or or_begin, arguments.resume_from, or_begin).train()


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
