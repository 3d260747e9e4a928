"""Write a trained network as ONNX, compared with PyTorch before it is kept.

Examples:
    tools/export_model.py --weights weights/sr_mobilesr_x4.safetensors
    tools/export_model.py --weights best.safetensors --format onnx -o clear.onnx
    tools/restore.py photo.jpg -o clear.jpg --weights clear.onnx

docs/export.md tells more.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine.export import export_onnx
from engine.model_files import load_network
from utils.command_line import add_plugin_argument, run_tool
from utils.errors import ConfigError


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights",
        type=Path,
        required=True,
        metavar="FILE",
        help="of an architecture or a classifier: .safetensors, or what tools/restore.py takes",
    )
    parser.add_argument("--format", choices=["onnx"], default="onnx", help="what is written")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="by default the weights' name, ending in .onnx, in the current folder",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    add_plugin_argument(parser)
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Export what the command line names."""
    load_config(None, ["PLUGINS", f"[{', '.join(arguments.plugin)}]"])
    output = arguments.output or Path(arguments.weights.name).with_suffix(".onnx")
    if output.suffix.lower() != ".onnx":
        raise ConfigError(f"--output {output}: an ONNX file's name ends in .onnx")
    if output.exists() and not arguments.force:
        raise ConfigError(f"--output {output}: already there; use --force to replace it")
    exported = export_onnx(load_network(arguments.weights), output)
    sizes = ", ".join(f"{batch}x{height}x{width}" for batch, height, width in exported.sizes)
    print(
        f"{exported.architecture}: {output}, {output.stat().st_size / 1e6:.1f} MB; "
        f"within {exported.difference:.1e} of PyTorch at {sizes} (batch x height x width)"
    )


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
