"""Measure how long what Pellucid does takes, for any configs, side by side.

Examples:
    tools/benchmark.py configs/sd1_glare.yml
    tools/benchmark.py configs/sd1_glare.yml configs/sd1_glare_unet.yml --size 512 512 --batch 8
    tools/benchmark.py configs/sd1_glare_unet.yml --size 2048 2048 --tile 256 512 1024
    tools/benchmark.py configs/div2k_mobilesr.yml --backend plain pytorch onnxruntime
    tools/benchmark.py configs/div2k_mobilesr.yml --measure loader --vary DATASETS.CACHE none disk
    tools/benchmark.py configs/sd1_glare.yml --measure step metrics --json now.json
    tools/benchmark.py --compare before.json now.json
    tools/benchmark.py configs/sd1_glare.yml --measure epoch restoring --profile

Measures: restoring (one picture in memory), step (of training, on made-up pictures), loader (an
epoch of training samples), epoch (of training, from files), evaluation (of the validation set),
metrics (each, of one picture). Restoring is in the device's own precision, unless PRECISION is
given, and by the --backend; "plain" is the network in PyTorch as it is trained. Weights are random:
they do not change the time. What is measured takes turns, so that ratios hold where the machine's
speed drifts; they are to the first line.
"""

import argparse
import os
import sys
from itertools import product
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine.backends import BACKENDS
from engine.benchmarks.measures import MEASURES, measure, works_of
from engine.benchmarks.profile import profile_table, profiled
from engine.benchmarks.report import as_markdown, compared, read_json, report_of, write_json
from engine.benchmarks.subject import Subject
from engine.precision import resolve_device
from utils.command_line import at_least, run_tool
from utils.errors import ConfigError
from utils.files import atomic_write_text, check_writable


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, pixels = parser.add_argument, at_least(1)
    add("configs", nargs="*", type=Path, metavar="CONFIG", help="a YAML file")
    add("--measure", nargs="+", choices=MEASURES, default=["restoring"], metavar="KIND")
    add("--set", nargs="+", default=[], metavar="WORD", help="KEY VALUE pairs, for every config")
    add("--vary", nargs="+", default=[], metavar="WORD", help="a KEY and its VALUES, side by side")
    add("--size", nargs=2, type=pixels, default=[512, 512], metavar=("HEIGHT", "WIDTH"))
    add("--tile", nargs="*", type=pixels, default=[], metavar="N", help="restore in tiles too")
    add("--backend", nargs="+", choices=["plain", *BACKENDS], default=["plain"], metavar="NAME")
    add("--batch", type=pixels, default=1, metavar="N", help="restore N pictures at once too")
    add("--repeats", type=pixels, default=20, help="counted rounds, where they do not take long")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add("--profile", action="store_true", help="tell which operations take the time instead")
    add("--json", type=Path, metavar="FILE", help="write every round's time")
    add("--markdown", type=Path, metavar="FILE", help="write the table that is printed")
    add("--compare", nargs=2, type=Path, metavar=("FIRST", "SECOND"), help="two --json files")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Measure and print a table, or compare two."""
    if arguments.compare:
        first, second = (read_json(path) for path in arguments.compare)
        print(compared(first, second))
        return
    subjects = _subjects(arguments)
    if arguments.profile:
        _print_profiles(arguments.measure, subjects)
        return
    for path in filter(None, (arguments.json, arguments.markdown)):
        check_writable(path)
    figures = [
        figure
        for kind in dict.fromkeys(arguments.measure)
        for figure in measure(kind, subjects, arguments.repeats)
    ]
    report = report_of(figures, resolve_device(arguments.device))
    table = as_markdown(report)
    print(table)
    if arguments.json:
        write_json(report, arguments.json)
    if arguments.markdown:
        atomic_write_text(arguments.markdown, table + "\n")


def _print_profiles(kinds: list[str], subjects: list[Subject]) -> None:
    for subject in subjects:
        for work in (work for kind in dict.fromkeys(kinds) for work in works_of(kind, [subject])):
            print(profile_table(work, profiled(work, subject.device)) + "\n", flush=True)


def _subjects(arguments: argparse.Namespace) -> list[Subject]:
    """Each config, with each value that is varied, by each back end."""
    if not arguments.configs:
        raise ConfigError("name a config to measure, or two files to --compare")
    key, *values = arguments.vary or [""]
    if key and not values:
        raise ConfigError(f"--vary {key}: has no values to choose from")
    height, width = arguments.size
    backends = dict.fromkeys(arguments.backend)
    variations = [[key, value] for value in values] or [[]]
    subjects = []
    for path, variation, backend in product(arguments.configs, variations, backends):
        given = ["DEVICE", arguments.device, *arguments.set, *variation]
        cfg = load_config(path, given)
        asked = cfg.PRECISION if "PRECISION" in given[::2] else "auto"
        name = " ".join([path.stem, *variation, *([backend] if len(backends) > 1 else [])])
        tiles = tuple(arguments.tile)
        subjects.append(Subject(name, cfg, height, width, tiles, arguments.batch, asked, backend))
    return subjects


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
