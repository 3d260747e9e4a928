"""Measure weights on a test set, with the input's own row above the model's.

Several files are measured in one table, each with the model that it states; the rows of BASELINES
stand above. Without DATASETS.TEST the validation set is measured. The table, a CSV per picture and
sample sheets go to OUTPUT_DIR/test; of classifiers, ROC curves and confusion matrices.

Examples:
    tools/test_net.py --config-file configs/sd1_glare.yml
    tools/test_net.py --config-file configs/sd1_glare.yml --weights weights/glare_unet.safetensors
    tools/test_net.py --config-file configs/sd1_glare.yml --weights weights/glare_*.safetensors
    torchrun --nproc_per_node 4 tools/test_net.py --config-file configs/sd1_glare.yml
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine import classification_report, classification_testing, report, testing
from modeling.build import classifies
from utils.command_line import add_config_arguments, run_tool
from utils.distributed import is_main, processes, rank
from utils.logging import setup_logging


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="a .safetensors file or several; by default OUTPUT_DIR/checkpoints/best.safetensors",
    )
    add_config_arguments(parser)
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the table and write the report."""
    with processes():
        setup_logging(rank=rank())
        cfg = load_config(arguments.config_file, arguments.overrides)
        folder = Path(cfg.OUTPUT_DIR) / "test"
        labels = classifies(cfg)
        measuring, telling = (
            (classification_testing, classification_report) if labels else (testing, report)
        )
        rows, text = measuring.measure(cfg, arguments.weights)
        if is_main():
            telling.write_report(rows, text, folder)
            drawn = "curves and matrices" if labels else "sample sheets"
            print(f"{text}\n\nper picture: {folder / 'images.csv'}\n{drawn}: {folder}")


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
