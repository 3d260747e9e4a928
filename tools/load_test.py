"""Put a server on this machine under load: what it holds, how fast, with what errors and memory.

One request after the other gives the time of a single one; as many at once as the server can hold
give its capacity; then requests come at half that rate, and at four times.

Examples:
    tools/serve.py --port 4000 &
    tools/load_test.py
    tools/load_test.py --url http://127.0.0.1:8000/v1/restore/low-light --picture photo.jpg
    tools/load_test.py --requests 200 --seconds 30 --output report.json

With PELLUCID_API_KEY in the environment that key is sent.
"""

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

import httpx
import numpy as np
from tqdm import tqdm

from serving.keys import HEADER
from serving.load import Limits, LoadTest, Phase, aims_of, process_listening
from serving.uploads import FIELD
from tools.serve import KEY_VARIABLE
from utils.command_line import at_least, run_tool
from utils.errors import ConfigError, ImageError
from utils.files import atomic_write_text
from utils.images import encode_png

PORTS = {"http": 80, "https": 443}
ROW = "{:<16}{:>8}{:>8}{:>8}{:>8}{:>8}{:>10}{:>8}  {}"
HEADING = ROW.format(
    *("requests", "answers", "held/s", "p50 s", "p95 s", "p99 s", "memory MB", "growth", "statuses")
)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:4000/infer", help="where to POST")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="sent; by default noise")
    parser.add_argument(
        "--size", type=at_least(1), default=256, metavar="N", help="side of the noise, in pixels"
    )
    limits = parser.add_argument_group("bounds")
    limits.add_argument(
        "--requests", type=at_least(1), default=Limits.requests, help="of each phase, at most"
    )
    limits.add_argument(
        "--seconds", type=at_least(0.1), default=Limits.seconds, help="of each phase, at most"
    )
    limits.add_argument(
        "--patience",
        type=at_least(0.1),
        default=Limits.patience,
        metavar="SECONDS",
        help="after which a request counts as not answered",
    )
    limits.add_argument(
        "--clients",
        type=at_least(1),
        default=Limits.clients,
        help="at once, to find the capacity; no more than the server's --queue",
    )
    parser.add_argument(
        "--by-chance",
        action="store_true",
        help="requests at a given rate come as visitors do (Poisson), not evenly",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise and of chance")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="also write the figures as JSON"
    )
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Run all phases and print what they measured."""
    request = _request(arguments)
    process = process_listening(request.url.port or PORTS[request.url.scheme])
    limits = Limits(arguments.requests, arguments.seconds, arguments.patience, arguments.clients)
    rng = np.random.default_rng(arguments.seed) if arguments.by_chance else None
    with tqdm(unit="request", leave=False, disable=None) as progress:
        test = LoadTest(request, process, limits, rng, progress.update)
        progress.write(HEADING)
        phases = asyncio.run(test.run(lambda phase: progress.write(_row(phase))))
    aims = aims_of(phases)
    print(f"errors other than 503 at four times the capacity: {aims.other_errors} (aim: 0)")
    print(f"p99 at half capacity, of a single request's time: {aims.slowdown:.2f} (aim: below 3)")
    print(f"growth of memory at capacity: {aims.growth:+.2%} (aim: flat)")
    if arguments.output:
        report = {"phases": [phase.figures() for phase in phases], "aims": asdict(aims)}
        atomic_write_text(arguments.output, json.dumps(report, indent=1))


def _request(arguments: argparse.Namespace) -> httpx.Request:
    if arguments.picture is None:
        shape = (arguments.size, arguments.size, 3)
        noise = np.random.default_rng(arguments.seed).integers(0, 256, shape, np.uint8)
        name, data = "noise.png", encode_png(noise)
    else:
        name, data = arguments.picture.name, _read(arguments.picture)
    key = os.environ.get(KEY_VARIABLE)
    headers = {HEADER: key} if key else {}
    try:
        url = httpx.URL(arguments.url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"--url {arguments.url}: {error}") from error
    if url.scheme not in PORTS:
        raise ConfigError(f"--url {arguments.url}: give an address that begins with http://")
    return httpx.Request("POST", url, files={FIELD: (name, data)}, headers=headers)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror or error}") from error


def _row(phase: Phase) -> str:
    times = (f"{phase.time(percent):.3f}" for percent in (50, 95, 99))
    statuses = " ".join(f"{status}:{count}" for status, count in phase.statuses.items())
    memory = (f"{phase.memory[-1] / 1e6:.0f}", f"{phase.growth:+.1%}")
    return ROW.format(
        phase.name, len(phase.answers), f"{phase.held:.2f}", *times, *memory, statuses
    )


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
