"""The process that listens, and how it ends: what is in hand is finished first."""

from __future__ import annotations

import math
import signal
import socket
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from serving.remote import RemoteService
from serving.service import Service
from utils.errors import ConfigError


class Server(uvicorn.Server):
    """Uvicorn's server, which says on SIGTERM that it goes before it goes.

    From the signal on `/readyz` says 503. `grace` seconds later, by when whoever shares out the
    requests has seen that, it listens no more, answers what is in hand, and ends. Ctrl-C, or a
    second signal, skips the wait.

    Args:
        app: what answers.
        service: does the work.
        grace: seconds.
    """

    def __init__(self, app: FastAPI, service: Service | RemoteService, grace: float) -> None:
        # After the time limit nobody is answered any more.
        limit = math.ceil(service.settings.time_limit)
        super().__init__(
            uvicorn.Config(app, lifespan="on", server_header=False, timeout_graceful_shutdown=limit)
        )
        self._service = service
        self._grace = grace
        self._leaves_at = math.inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, on a signal."""
        first = self._leaves_at == math.inf
        self._service.drain()
        self._leaves_at = time.monotonic() + self._grace
        if sig != signal.SIGTERM or not first:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether it is time to leave."""
        if time.monotonic() >= self._leaves_at:
            self.should_exit = True
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: a name, or an address of IPv4 or IPv6.
        port: 0 takes a free one.

    Raises:
        ConfigError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        place = f"--host {host} --port {port}"
        raise ConfigError(f"{place}: cannot be listened at: {reason}") from error
