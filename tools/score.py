"""Score a folder of pictures against a folder of targets.

Files are paired by equal name, also across suffixes. The figures come with the protocol they were
taken by; LPIPS is measured only when asked for.

Examples:
    tools/score.py output/restored datasets/val/target
    tools/score.py x4 HR --crop-border 4 --y-channel --metrics psnr ssim --json
    tools/score.py a b --metrics lpips --lpips-net squeeze --lpips-weights squeezenet1_1.pth
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from engine.precision import resolve_device
from engine.scoring import score_folders, scoring_metrics
from utils.command_line import run_tool


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", metavar="PRED_DIR", type=Path, help="pictures to score")
    parser.add_argument("targets", metavar="TARGET_DIR", type=Path, help="what they should be")
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=["psnr", "ssim", "l1"],
        choices=["psnr", "ssim", "lpips", "l1"],
        help="default: psnr ssim l1",
    )
    parser.add_argument(
        "--crop-border", type=_border, default=0, metavar="N", help="pixels left out at each edge"
    )
    parser.add_argument(
        "--y-channel", action="store_true", help="compare BT.601 studio-swing luma (not for lpips)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--lpips-net", default="alex", choices=["alex", "vgg", "squeeze"])
    parser.add_argument(
        "--lpips-weights",
        default="",
        metavar="FILE",
        help="backbone weights (.safetensors or .pth); default: torchvision's download",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 or auto; default: cpu")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Score, then print a table or JSON."""
    metrics = scoring_metrics(
        arguments.metrics,
        arguments.crop_border,
        arguments.y_channel,
        arguments.lpips_net,
        arguments.lpips_weights,
    )
    device = resolve_device(arguments.device)
    report = score_folders(arguments.predictions, arguments.targets, metrics, device)
    if arguments.json:
        print(json.dumps(report, indent=2, allow_nan=False))
    else:
        _print_table(report)


def _border(word: str) -> int:
    border = int(word)
    if border < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {border}")
    return border


def _print_table(report: dict[str, Any]) -> None:
    protocol = report["protocol"]
    colors = ", ".join(f"{count} {color}" for color, count in protocol["colors"].items())
    print(f"{protocol['predictions']} against {protocol['targets']}: {colors}")
    for name, facts in protocol["metrics"].items():
        print(f"{name}: " + "; ".join(f"{key} {value}" for key, value in facts.items()))
    names = list(protocol["metrics"])
    rows = [*report["images"], {"name": "mean", **report["mean"]}]
    width = max(len(row["name"]) for row in rows)
    print()
    print(" ".join([" " * width, *(f"{name:>9}" for name in names)]))
    for row in rows:
        figures = (f"{float(row[name]):9.4f}" for name in names)
        print(" ".join([f"{row['name']:<{width}}", *figures]))


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
