"""Restore pictures and videos: files, folders or patterns.

Examples:
    tools/restore.py photo.jpg -o clear.jpg
    tools/restore.py scans/ 'more/*.png' -o restored/
    tools/restore.py scans/ -o restored/ --weights output/sd1_glare/checkpoints/best.safetensors
    tools/restore.py poster.tif -o large.tif --tile 512
    tools/restore.py clip.mp4 -o clear.mp4
    tools/restore.py small.png -o large.png --self-ensemble --outscale 3
    tools/restore.py portrait.jpg -o clear.jpg --region mouth
    tools/restore.py downloads/ -o corrected/ --auto
    torchrun --nproc_per_node 4 tools/restore.py archive/ -o restored/ --manifest restored.jsonl

docs/restoring.md tells more.
"""

import argparse
import hashlib
import os
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

import torch

from config import load_config
from engine.benchmarks.timing import wait_for
from engine.correction import PixelationCorrector
from engine.detector import Detector
from engine.manifest import Manifest, Share
from engine.precision import resolve_device
from engine.regions.detectors import open_detector
from engine.regions.restore import MouthRestorer
from engine.restore_files import Job, plan, restore_files
from engine.restore_options import SMALLEST_TILE, RestoreOptions, RestoresPictures
from engine.restore_ray import restore_on_ray
from engine.restore_share import Tally, Tree, restore_share
from engine.restorer import Restorer
from engine.systems import DETECTION_WEIGHTS, SYSTEMS
from utils.command_line import (
    add_backend_argument,
    add_detector_arguments,
    add_plugin_argument,
    at_least,
    run_tool,
)
from utils.distributed import local_rank, share_of_work
from utils.errors import ConfigError
from utils.logging import setup_logging
from utils.phases import clocked, phase_table

_REGIONS = ("mouth",)  # of the systems, those that restore a part of a picture


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file, folder or pattern")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="a folder, where results take their inputs' names; or a file for one input",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a .safetensors or .onnx file, or a .yml of an architecture that needs none; by "
        "default the glare remover that comes with Pellucid, with --region what is for that "
        "region, with --auto a network that enlarges",
    )
    _add_options(parser)
    _add_manifest(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add_backend_argument(parser)
    parser.add_argument("--force", action="store_true", help="replace results that are there")
    add_plugin_argument(parser)
    parser.add_argument("--profile", action="store_true", help="tell where the time goes")
    parser.add_argument(
        "--auto",
        action="store_true",
        help="correct only pictures that are found pixelated; the others are copied",
    )
    parser.add_argument(
        "--pixelation-detector",
        type=Path,
        metavar="FILE",
        help="the detector's weights for --auto; by default those that come with Pellucid",
    )
    region = parser.add_argument_group("a region of each picture, instead of the whole")
    region.add_argument("--region", choices=_REGIONS, help="restore the mouths of all faces only")
    add_detector_arguments(region)
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how pictures are restored")
    group.add_argument(
        "--tile",
        type=int,
        metavar="N",
        help=f"restore N x N input pixels at a time, {SMALLEST_TILE} at least; by default as many "
        "as fit into memory",
    )
    group.add_argument(
        "--tile-overlap",
        type=int,
        metavar="M",
        help="input pixels that a tile sees beyond its part on every side; by default as many as "
        "make tiles equal to the whole picture; with fewer, neighbours are blended",
    )
    group.add_argument(
        "--self-ensemble",
        action="store_true",
        help="average over 8 flips and rotations: a little better, 8 times slower",
    )
    group.add_argument(
        "--outscale",
        type=float,
        metavar="S",
        help="make results S times as large as their inputs, whatever the model's scale",
    )


def _add_manifest(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a folder of any size, with all folders below it")
    group.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="record in FILE what is done, and go on from there; processes share the work",
    )
    group.add_argument(
        "--ray", type=at_least(1), metavar="N", help="in N processes that Ray starts, where it can"
    )
    group.add_argument(
        "--retry-failed", action="store_true", help="try what failed before once more"
    )


def main(arguments: argparse.Namespace) -> None:
    """Restore what the command line names."""
    number, count = share_of_work()
    setup_logging(rank=number)
    _load_plugins(arguments)
    options = RestoreOptions(
        arguments.tile, arguments.tile_overlap, arguments.self_ensemble, arguments.outscale
    )
    _refuse_idle(arguments)
    if arguments.manifest:
        print(f"{_restore_recorded(arguments, options, Share(number, count))}")
        return
    if count > 1:
        raise ConfigError("--manifest: several processes share the work by it; name a file")
    jobs = plan(arguments.inputs, arguments.output, arguments.force)
    if arguments.auto and any(job.is_video for job in jobs):
        raise ConfigError("--auto looks at pictures only; leave videos out")
    restorer = build_restorer(arguments)
    restore = partial(restore_files, restorer, jobs, options)
    if arguments.profile:
        device = resolve_device(arguments.device)
        with clocked(lambda: wait_for(device)) as clock:
            restore()
        print(phase_table(clock.times()))
    else:
        restore()
    if isinstance(restorer, PixelationCorrector):
        print(f"{restorer.corrected} of {_counted(jobs)} corrected: {arguments.output}")
    else:
        print(f"{_counted(jobs)} restored: {arguments.output}")


def _restore_recorded(arguments: argparse.Namespace, options: RestoreOptions, share: Share) -> str:
    """Restore one share of a folder, or with Ray all of them; what to say in the end."""
    if len(arguments.inputs) > 1:
        raise ConfigError(f"{arguments.inputs[1]}: --manifest is of one folder; leave it out")
    tree = Tree(Path(arguments.inputs[0]), arguments.output, arguments.force, not arguments.auto)
    restore = partial(restore_share_of, arguments, options, tree)
    if arguments.ray:
        on_gpu = arguments.device != "cpu" and torch.cuda.is_available()
        tally = restore_on_ray(restore, arguments.ray, gpus=1.0 if on_gpu else 0.0)
    else:
        tally = restore(share)
    return f"{tally}: {arguments.manifest}"


def restore_share_of(
    arguments: argparse.Namespace, options: RestoreOptions, tree: Tree, share: Share
) -> Tally:
    """Restore one share as the manifest leaves it, on a GPU of its own if there are any."""
    _load_plugins(arguments)  # in a process of Ray's, they are not there yet
    if arguments.device in ("auto", "cuda") and torch.cuda.is_available():
        arguments.device = f"cuda:{local_rank() % torch.cuda.device_count()}"
    restorer = build_restorer(arguments)
    run = _run_of(arguments, tree, options)
    with Manifest(arguments.manifest, run, share, arguments.retry_failed) as manifest:
        return restore_share(restorer, tree, manifest, options)


def _run_of(
    arguments: argparse.Namespace, tree: Tree, options: RestoreOptions
) -> dict[str, object]:
    """What must not change from one run of a manifest to the next."""
    weights = hashlib.sha256(_weights(arguments).read_bytes()).hexdigest()
    return {
        "input": str(tree.source.resolve()),
        "output": str(tree.output.resolve()),
        "weights": weights,
        "auto": arguments.auto,
        "region": arguments.region,
        **asdict(options),
    }


def _load_plugins(arguments: argparse.Namespace) -> None:
    load_config(None, ["PLUGINS", f"[{', '.join(arguments.plugin)}]"])


def build_restorer(arguments: argparse.Namespace) -> RestoresPictures:
    """What the command line asks to restore with."""
    placed = {"device": arguments.device, "backend": arguments.backend}
    restorer = Restorer.from_weights(_weights(arguments), **placed)
    if arguments.auto:
        found_by = arguments.pixelation_detector or DETECTION_WEIGHTS
        return PixelationCorrector(restorer, Detector.from_weights(found_by, **placed))
    if arguments.region:
        detector = open_detector(arguments.detector, arguments.detector_model)
        return MouthRestorer(restorer, detector)
    return restorer


def _weights(arguments: argparse.Namespace) -> Path:
    system = "pixelation" if arguments.auto else arguments.region or "glare"
    return arguments.weights or SYSTEMS[system].default


def _refuse_idle(arguments: argparse.Namespace) -> None:
    """Refuse options that would do nothing beside the others."""
    if arguments.auto and arguments.region:
        raise ConfigError("--auto corrects whole pictures, --region parts of them; name one")
    if arguments.profile and arguments.manifest:
        raise ConfigError("--profile: tells of a run without --manifest; leave one out")
    if arguments.retry_failed and not arguments.manifest:
        raise ConfigError("--retry-failed: failures are recorded with --manifest only; add that")
    if arguments.ray and not arguments.manifest:
        raise ConfigError("--ray: its processes share the work by --manifest; add that")
    if arguments.ray and share_of_work()[1] > 1:
        raise ConfigError("--ray: starts processes itself; leave out torchrun")
    if not arguments.auto and arguments.pixelation_detector:
        raise ConfigError(
            "--pixelation-detector is asked with --auto only; add that or leave it out"
        )
    if not arguments.region and (arguments.detector != "auto" or arguments.detector_model):
        raise ConfigError(
            "--detector and --detector-model find faces for --region; add that or leave them out"
        )


def _counted(jobs: list[Job]) -> str:
    videos = sum(job.is_video for job in jobs)
    counts = {"picture": len(jobs) - videos, "video": videos}
    return " and ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items() if n)


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
