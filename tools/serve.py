"""Serve all systems over HTTP: POST a picture, or open the web page, and get it back clearer.

The page is at /; routes and their options are shown at /docs, by the server itself.

Examples:
    tools/serve.py
    tools/serve.py --port 8000 --device cuda
    tools/serve.py --weights output/sd1_glare/checkpoints/best.safetensors
    tools/serve.py --weights low-light=mine.safetensors detection=detector.safetensors
    PELLUCID_API_KEY=secret tools/serve.py --host 0.0.0.0 --cors https://example.org
    tools/serve.py --port 8080 --api http://127.0.0.1:4000

    curl -F image=@photo.jpg http://127.0.0.1:4000/v1/restore/glare -o clear.png

SIGTERM ends it after all that is in hand is answered. docs/rooms/serving.md tells more.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from fastapi import FastAPI

from config import load_config
from serving.app import create_app
from serving.models import Models
from serving.remote import RemoteService
from serving.server import Server, listen
from serving.service import Service
from serving.settings import Settings
from utils.command_line import (
    add_backend_argument,
    add_detector_arguments,
    add_plugin_argument,
    at_least,
    run_tool,
)
from utils.errors import ConfigError
from utils.logging import setup_logging

KEY_VARIABLE = "PELLUCID_API_KEY"

# What has a meaning only where models are loaded and programs are answered.
_OF_AN_API = (
    "weights",
    "device",
    "backend",
    "plugin",
    "detector",
    "detector_model",
    "max_batch",
    "cors",
)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        action="extend",
        type=_weights,
        default=[],
        metavar="[SYSTEM=]FILE",
        help="weights in the place of those that come with Pellucid: of a system, of detection, "
        "or, without a name, of glare, which POST /infer removes",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    parser.add_argument("--port", type=int, default=4000, help="0 takes a free one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    add_backend_argument(parser)
    page = parser.add_mutually_exclusive_group()
    page.add_argument("--no-page", action="store_true", help="serve the API alone")
    page.add_argument(
        "--api",
        metavar="URL",
        help="serve the web page alone, in front of another server's API; this one loads no model",
    )
    add_plugin_argument(parser)
    add_detector_arguments(parser.add_argument_group("faces, for the mouth system"))
    _add_limits(parser)
    parser.add_argument(
        "--cors",
        nargs="+",
        default=[],
        metavar="ORIGIN",
        help="web pages of these origins may call the server from a browser; by default none",
    )
    parser.add_argument(
        "--grace",
        type=at_least(0.0),
        default=3.0,
        metavar="SECONDS",
        help="how long new requests are still taken after SIGTERM, while /readyz says 503",
    )
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument("--max-upload-mb", type=at_least(0.0), default=Settings.max_upload_mb)
    group.add_argument(
        "--max-megapixels",
        type=at_least(0.0),
        default=Settings.max_megapixels,
        help="of a picture, and of what becomes of it",
    )
    group.add_argument(
        "--queue", type=at_least(1), default=Settings.queue, help="requests inside at once"
    )
    group.add_argument(
        "--max-batch",
        type=at_least(1),
        default=Settings.max_batch,
        help="pictures of one size that are restored at once",
    )
    group.add_argument(
        "--time-limit",
        type=at_least(0.1),
        default=Settings.time_limit,
        metavar="SECONDS",
        help="for each request",
    )


def _weights(word: str) -> tuple[str, Path]:
    """A system and its file."""
    system, equals, file = word.partition("=")
    return (system, Path(file)) if equals else ("glare", Path(word))


def _each_once(weights: list[tuple[str, Path]]) -> dict[str, Path]:
    """Files by their systems.

    Raises:
        ConfigError: two for one system.
    """
    files = dict(weights)
    for system, file in weights:
        if file != files[system]:
            raise ConfigError(f"--weights {system}: given twice, {file} and {files[system]}")
    return files


def main(arguments: argparse.Namespace) -> None:
    """Load everything, then serve until a signal comes."""
    setup_logging()
    if arguments.api:
        _refuse_idle(arguments)
    load_config(None, ["PLUGINS", f"[{', '.join(arguments.plugin)}]"])
    settings = Settings(
        device=arguments.device,
        backend=arguments.backend,
        weights=_each_once(arguments.weights),
        face_detector=arguments.detector,
        face_detector_model=arguments.detector_model,
        max_upload_mb=arguments.max_upload_mb,
        max_megapixels=arguments.max_megapixels,
        queue=arguments.queue,
        max_batch=arguments.max_batch,
        time_limit=arguments.time_limit,
        api_key=os.environ.get(KEY_VARIABLE) or None,
        cors=tuple(arguments.cors),
    )
    app, service = _page_alone(arguments, settings) if arguments.api else _api(arguments, settings)
    with listen(arguments.host, arguments.port) as socket:
        host, port = socket.getsockname()[:2]
        print(f"serving at http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        Server(app, service, arguments.grace).run(sockets=[socket])


def _refuse_idle(arguments: argparse.Namespace) -> None:
    """Refuse options that would do nothing for the page alone."""
    parser = build_parser()
    given = [name for name in _OF_AN_API if getattr(arguments, name) != parser.get_default(name)]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ConfigError(
            f"{options}: with --api no model is loaded; give this to the API's server"
        )


def _api(arguments: argparse.Namespace, settings: Settings) -> tuple[FastAPI, Service]:
    service = Service(settings, Models(settings))
    app = create_app(service)
    if not arguments.no_page:
        from serving.page import mount  # Gradio takes seconds to import, and is not always needed

        mount(app, service, settings)
    return app, service


def _page_alone(arguments: argparse.Namespace, settings: Settings) -> tuple[FastAPI, RemoteService]:
    from serving.page import create_page_app

    service = RemoteService(arguments.api, settings)
    return create_page_app(service), service


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
