"""The process that listens, and how it ends: what is in hand is finished first."""

from __future__ import annotations

import asyncio
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

_LAST_CALL = 2.0  # seconds in which who has connected already may still ask
_LEAVING = (b"connection", b"close")


class Server(uvicorn.Server):
    """Uvicorn's server, which says on SIGTERM that it goes before it goes.

    From the signal on `/readyz` says 503, and every answer ends its connection: who kept it open
    would else ask once more while it is closed, and get no answer (RFC 9112, section 9.6). `grace`
    seconds later, by when whoever shares out the requests has seen that, it listens no more,
    answers what is in hand or comes from who had connected, and ends. Ctrl-C, or a second signal,
    skips the wait.

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
        if first:
            for headers in (self.config.encoded_headers, self.server_state.default_headers):
                headers.append(_LEAVING)  # of answers under way, and of those to come
        if sig != signal.SIGTERM or not first:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether it is time to leave."""
        if time.monotonic() >= self._leaves_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, and close every connection once its request is answered."""
        for server in self.servers:
            server.close()
        until = time.monotonic() + _LAST_CALL
        while not self.force_exit and time.monotonic() < until:
            await asyncio.sleep(_LAST_CALL / 100)  # first: what was accepted last is not yet there
            if not self.server_state.connections:
                break
        await super().shutdown(sockets)


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
