"""Tell which pictures are pixelated: files, folders or patterns.

Each line names a picture, the verdict and the probability of pixelation; of a pixelated one the
side of its blocks, too.

Examples:
    tools/detect.py photo.jpg
    tools/detect.py scans/ 'more/*.png'
    tools/detect.py scans/ --json
    tools/detect.py scans/ --weights output/div2k_pixelation/checkpoints/best.safetensors

--json prints a list of objects with picture, verdict, probability and block (null where it is
clean), or picture and error. A file that cannot be read is named and makes the exit status 2.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine.detect_files import Detection, detect_files
from engine.detector import Detector
from engine.systems import DETECTION_WEIGHTS
from utils.command_line import add_backend_argument, add_plugin_argument, run_tool
from utils.errors import ImageError
from utils.logging import setup_logging


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file, folder or pattern")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--weights",
        type=Path,
        default=DETECTION_WEIGHTS,
        metavar="FILE",
        help="a classifier's .safetensors or .onnx file; by default the one that comes along",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add_backend_argument(parser)
    add_plugin_argument(parser)
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Print what is found of each picture."""
    setup_logging()
    load_config(None, ["PLUGINS", f"[{', '.join(arguments.plugin)}]"])
    detector = Detector.from_weights(arguments.weights, arguments.device, arguments.backend)
    found = []
    for detection in detect_files(detector, arguments.inputs):
        found.append(detection)
        if not arguments.json and not detection.error:
            print(_line(detection), flush=True)
    if arguments.json:
        print(json.dumps([_fields(detection) for detection in found], indent=2))
    failed = [detection.error for detection in found if detection.error]
    if failed:
        raise ImageError(f"{len(failed)} of {len(found)} were not read: {'; '.join(failed)}")


def _line(found: Detection) -> str:
    blocks = "" if found.block is None else f", blocks of about {found.block:g} pixels"
    return f"{found.picture}: {found.verdict} ({found.probability:.3f}{blocks})"


def _fields(found: Detection) -> dict[str, object]:
    if found.error:
        return {"picture": str(found.picture), "error": found.error}
    return {
        "picture": str(found.picture),
        "verdict": found.verdict,
        "probability": found.probability,
        "block": found.block,
    }


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
