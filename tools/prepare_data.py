"""Make the demo set, sets of your own photographs, or unpack and check the real SD1 set.

Examples:
    tools/prepare_data.py demo
    tools/prepare_data.py glare ~/Pictures --output datasets/glare_test
    tools/prepare_data.py sd1 ~/Downloads/SD1.zip
    tools/prepare_data.py sd1 ~/Downloads/SD1 --output datasets/SD1
    tools/prepare_data.py mirflickr ~/Downloads/mirflickr --output datasets/MIRFLICKR
    tools/prepare_data.py lol ~/Downloads/LOLdataset.zip
    tools/prepare_data.py lol ~/LOL-v2.zip --set Real_captured --output datasets/LOL-v2-real
    tools/prepare_data.py mouth ~/Pictures/faces --output datasets/mouth
    tools/prepare_data.py shards ~/Pictures --output datasets/shards
    tools/prepare_data.py shards pairs/high --input pairs/low --output datasets/shards
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from data.build import build_degradations
from data.demo import write_demo_set, write_glare_set
from data.prepare import Sd1Report, prepare_sd1
from data.prepare_lol import LolReport, prepare_lol
from data.prepare_mirflickr import PICTURES, TRAIN_PAIRS, MirflickrReport, prepare_mirflickr
from data.prepare_mouth import MouthReport, prepare_mouths
from data.prepare_shards import pack_shards
from engine.regions.detectors import open_detector
from engine.regions.mouths import cut_mouths
from utils.command_line import add_detector_arguments, at_least, run_tool
from utils.errors import some

MOUTH_CONFIG = Path(__file__).resolve().parents[1] / "configs" / "mouth_unet.yml"


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--force", action="store_true", help="replace the output folder")
    common.add_argument(  # run_tool adds it to the main parser; it counts after their names too
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show a traceback"
    )
    kinds = parser.add_subparsers(
        dest="kind", required=True, metavar="demo|glare|sd1|mirflickr|lol|mouth|shards"
    )

    demo = kinds.add_parser("demo", parents=[common], help="a small set like SD1, in seconds")
    demo.add_argument("--output", type=Path, default=Path("datasets/SD1_demo"), metavar="FOLDER")

    glare = kinds.add_parser("glare", parents=[common], help="a set of your own photographs")
    glare.add_argument("photos", type=Path, metavar="FOLDER")
    glare.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    glare.add_argument("--include", default="*", metavar="PATTERN", help="file names to take")
    glare.add_argument("--count", type=at_least(1), default=60, help="pictures to write")
    glare.add_argument("--seed", type=at_least(0), default=3)
    glare.add_argument(
        "--enlarge", type=int, default=512, metavar="PIXELS", help="side of the panels written"
    )

    sd1 = kinds.add_parser("sd1", parents=[common], help="the real set, from a zip or a folder")
    sd1.add_argument("source", type=Path, metavar="ZIP_OR_FOLDER")
    sd1.add_argument("--output", type=Path, default=Path("datasets/SD1"), metavar="FOLDER")

    mirflickr = kinds.add_parser(
        "mirflickr", parents=[common], help="pairs of 256 and 64 pixels, of any photographs"
    )
    mirflickr.add_argument("source", type=Path, metavar="FOLDER")
    mirflickr.add_argument(
        "--output", type=Path, default=Path("datasets/MIRFLICKR"), metavar="FOLDER"
    )
    mirflickr.add_argument("--seed", type=at_least(0), default=0, help="of the split; default: 0")

    lol = kinds.add_parser(
        "lol", parents=[common], help="LOL-v1, LOL-v2, or pairs in low/ and high/ of your own"
    )
    lol.add_argument("sources", type=Path, nargs="+", metavar="ZIP_OR_FOLDER")
    lol.add_argument("--output", type=Path, default=Path("datasets/LOL"), metavar="FOLDER")
    lol.add_argument("--set", metavar="NAME", help="the folder to take, of several sets")

    _add_mouth(kinds, common)
    _add_shards(kinds, common)
    return parser


def _add_mouth(kinds: Any, common: argparse.ArgumentParser) -> None:
    mouth = kinds.add_parser(
        "mouth", parents=[common], help="blurred and sharp mouths, of photographs with faces"
    )
    mouth.add_argument("source", type=Path, metavar="FOLDER")
    mouth.add_argument("--output", type=Path, default=Path("datasets/mouth"), metavar="FOLDER")
    mouth.add_argument("--seed", type=at_least(0), default=0, help="of the split and of what blurs")
    mouth.add_argument(
        "--config-file",
        type=Path,
        default=MOUTH_CONFIG,
        metavar="FILE",
        help="whose DATA.DEGRADATIONS blur the mouths",
    )
    mouth.add_argument(
        "--least",
        type=at_least(1.0),
        default=96,
        metavar="PIXELS",
        help="leave out mouths whose square is smaller; they are written at 128 pixels",
    )
    add_detector_arguments(mouth)


def _add_shards(kinds: Any, common: argparse.ArgumentParser) -> None:
    shards = kinds.add_parser(
        "shards", parents=[common], help="tar files of pictures, for WebDatasetShards"
    )
    shards.add_argument(
        "source", type=Path, metavar="FOLDER", help="clean pictures; with --input, targets"
    )
    shards.add_argument("--input", type=Path, metavar="FOLDER", help="the inputs, for pairs")
    shards.add_argument(
        "--template", default="{}", metavar="NAME", help="an input's name; {} is its target's"
    )
    shards.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    shards.add_argument(
        "--megabytes", type=at_least(1.0), default=500.0, metavar="N", help="of each tar file"
    )


def main(arguments: argparse.Namespace) -> None:
    """Prepare what the command line names and say what is there."""
    if arguments.kind == "demo":
        write_demo_set(arguments.output, force=arguments.force)
        print(f"{arguments.output}: train/, val/ and samples/ are ready")
        return
    if arguments.kind == "glare":
        write_glare_set(
            arguments.output,
            arguments.photos,
            arguments.include,
            arguments.count,
            arguments.seed,
            arguments.enlarge,
            arguments.force,
        )
        print(f"{arguments.output}: {arguments.count} pictures are ready")
        return
    if arguments.kind == "mirflickr":
        words = (arguments.source, arguments.output, arguments.seed, arguments.force)
        print_mirflickr_report(arguments.output, prepare_mirflickr(*words))
        return
    if arguments.kind == "lol":
        chosen = (arguments.sources, arguments.output, arguments.set, arguments.force)
        print_lol_report(arguments.output, prepare_lol(*chosen))
        return
    if arguments.kind == "shards":
        chosen = (arguments.source, arguments.output, arguments.input, arguments.template)
        count = pack_shards(*chosen, arguments.megabytes * 1e6, arguments.force)
        print(f"{arguments.output}: {count:,} samples are packed")
        return
    if arguments.kind == "mouth":
        print_mouth_report(arguments.output, _prepare_mouths(arguments))
        return
    print_report(arguments.output, prepare_sd1(arguments.source, arguments.output, arguments.force))


def _prepare_mouths(arguments: argparse.Namespace) -> MouthReport:
    detector = open_detector(arguments.detector, arguments.detector_model)
    return prepare_mouths(
        arguments.source,
        arguments.output,
        partial(cut_mouths, detector=detector, least=arguments.least),
        build_degradations(load_config(arguments.config_file)),
        arguments.seed,
        arguments.force,
    )


def print_mouth_report(output: Path, report: MouthReport) -> None:
    """Say how many mouths there are, and in which pictures there are none."""
    for problem in report.unreadable:
        print(f"warning: left out: {problem}", file=sys.stderr)
    if report.empty:
        print(f"no mouth of that size, left out: {some(report.empty)}")
    told = (
        f"{report.mouths[split]} mouths of {len(files)} photographs to {word}"
        for (split, files), word in zip(
            report.photographs.items(), ("train", "validate", "test"), strict=True
        )
    )
    print(f"{output}: {', '.join(told)}; {output / 'split.json'} names them")


def print_report(output: Path, report: Sd1Report) -> None:
    """Say what SD1 holds now, and what was left out of training."""
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if report.left_out:
        print(
            f"{len(report.left_out)} training pictures are validation pictures too "
            f"({report.same_name} by file name, {report.same_truth} by truth panel); "
            f"moved to {output / 'left_out'}: {', '.join(report.left_out[:20])}"
            f"{', ...' if len(report.left_out) > 20 else ''}"
        )
    print(f"{output}: {report.counts['train']:,} to train, {report.counts['val']:,} to validate")


def print_mirflickr_report(output: Path, report: MirflickrReport) -> None:
    """Say how many pairs there are, and what was left out."""
    for problem in report.unreadable:
        print(f"warning: left out: {problem}", file=sys.stderr)
    for files, why in ((report.small, "below 256 pixels"), (report.copies, "the same as another")):
        if files:
            print(f"left out {len(files):,} pictures {why}: {some(files)}")
    counts = {split: len(names) for split, names in report.names.items()}
    if counts["train"] != TRAIN_PAIRS:
        print(f"the split has the proportions of {TRAIN_PAIRS:,} pairs of {PICTURES:,} pictures")
    told = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    print(f"{output}: {told} pairs; {output / 'split.json'} names them")


def print_lol_report(output: Path, report: LolReport) -> None:
    """Say how many pairs there are, and which test scenes training shows too."""
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if report.alike:
        print(
            f"{len(report.alike)} test pairs show the same as a training pair: "
            f"{some(report.alike)}; they stay, because published figures are of all"
        )
    told = ", ".join(f"{count:,} {split}".strip() for split, count in report.counts.items())
    print(f"{output}: {told} pairs")


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
