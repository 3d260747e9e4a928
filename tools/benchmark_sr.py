"""Measure super-resolution weights on Set5, Set14, BSD100 and Urban100, those that are there.

Examples:
    tools/benchmark_sr.py --weights weights/sr_*.safetensors --sets datasets/benchmarks
    tools/benchmark_sr.py --weights best.safetensors --sets datasets/benchmarks --lpips-net alex

Prints PSNR and SSIM on luma (and LPIPS where asked for) with the bicubic row, the protocol and
what others published; writes the same as Markdown and CSV.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine.precision import resolve_device
from engine.sr_benchmark import as_csv, as_markdown, run_benchmark
from utils.command_line import add_plugin_argument, run_tool
from utils.errors import ConfigError
from utils.files import atomic_write_text


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--sets", type=Path, required=True, metavar="FOLDER", help="holds Set5/, Set14/, ..."
    )
    parser.add_argument(
        "--output", type=Path, default=Path("output/benchmark_sr"), metavar="FOLDER"
    )
    parser.add_argument(
        "--lpips-net", choices=["alex", "vgg", "squeeze"], help="measure LPIPS with this backbone"
    )
    parser.add_argument(
        "--lpips-weights",
        default="",
        metavar="FILE",
        help="its weights (.safetensors or .pth); default: torchvision's download",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add_plugin_argument(parser)
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the tables, write them."""
    if arguments.output.exists() and not arguments.output.is_dir():
        raise ConfigError(f"--output {arguments.output}: is a file; name a folder")
    load_config(None, ["PLUGINS", f"[{', '.join(arguments.plugin)}]"])
    lpips = None
    if arguments.lpips_weights and not arguments.lpips_net:
        raise ConfigError("--lpips-weights: of which backbone? give --lpips-net too")
    if arguments.lpips_net:
        lpips = {"net": arguments.lpips_net, "weights": arguments.lpips_weights}
    device = resolve_device(arguments.device)
    benchmark = run_benchmark(arguments.weights, arguments.sets, lpips, device)
    text = as_markdown(benchmark)
    atomic_write_text(arguments.output / "table.md", text)
    atomic_write_text(arguments.output / "table.csv", as_csv(benchmark))
    print(f"{text}\nwritten: {arguments.output / 'table.md'}, {arguments.output / 'table.csv'}")


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
