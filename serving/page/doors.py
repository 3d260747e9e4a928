"""What of Gradio's server can be reached: the routes that the page uses, and no request too large.

Gradio brings routes that fetch addresses for whoever asks, keep states on disk and watch usage;
where an event names a file, a mounted app takes any file of the server's, and addresses of the web;
its limit counts each file of an upload, not the files nor the fields beside them. Here are the list
of what the page needs, a look at what events name, and one limit on a request as a whole.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import answer
from serving.page.cache import Cache

_UPLOAD, _EVENT = "/gradio_api/upload", "/gradio_api/queue/join"
_OPEN = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt"
    r"|/(assets|static)/.+"
    r"|/gradio_api/(upload|upload_progress|queue/(join|data)|cancel|reset/?|startup-events|info/?)"
    r"|/gradio_api/file=(?!\w+:).+"  # a file, and no address of another server
)
_FORM = 64 * 1024  # bytes that a form takes beside its file
_OTHER = 256 * 1024  # bytes of any other request: events name files and hold none


class Doors:
    """ASGI middleware in front of Gradio's app.

    Args:
        app: Gradio's app.
        max_file_size: bytes that an upload may have.
        cache: where uploads are kept; it refuses them while it is full.
    """

    def __init__(self, app: ASGIApp, max_file_size: int, cache: Cache) -> None:
        self._app = app
        self._max_file_size = max_file_size
        self._cache = cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        refusal = await self._refusal(path, scope)
        receive = _bounded(receive, self._limit(path))
        if refusal is None and path == _EVENT:
            refusal, receive = await _examined(receive, self._cache.folder)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, _asking_for_key(send))

    async def _refusal(self, path: str, scope: Scope) -> Response | None:
        if not _OPEN.fullmatch(path):
            return answer(404, "there is no such route")
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isdecimal() else 0
        if size > self._limit(path):
            return PlainTextResponse("the upload is too large", 413)
        if path == _UPLOAD and not await asyncio.to_thread(self._cache.has_room, size):
            wait = {"Retry-After": "60"}
            return PlainTextResponse("no room for uploads now; try again later", 503, wait)
        return None

    def _limit(self, path: str) -> int:
        return self._max_file_size + _FORM if path == _UPLOAD else _OTHER


def _bounded(receive: Receive, limit: int) -> Receive:
    """A body that ends in an error beyond `limit` bytes, or where the visitor leaves it.

    Gradio removes what it has of an upload on this error, and on no other.
    """
    count, whole = 0, False

    async def receive_some() -> Message:
        nonlocal count, whole
        message = await receive()
        if message["type"] == "http.disconnect" and not whole:
            raise MultiPartException("the upload was not finished")
        if message["type"] == "http.request":
            count += len(message.get("body", b""))
            whole = not message.get("more_body", False)
        if count > limit:
            raise MultiPartException("the upload is beyond the maximum allowed size")
        return message

    return receive_some


async def _examined(receive: Receive, folder: Path) -> tuple[PlainTextResponse | None, Receive]:
    """Why an event is refused, and its body to be received again."""
    body, more = b"", True
    try:
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        elsewhere = _names_outside(json.loads(body), folder.resolve())
    except (MultiPartException, ValueError, RecursionError):
        return PlainTextResponse("this is no event of the page", 400), receive
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return whole.pop() if whole else await receive()

    refusal = PlainTextResponse("upload the picture as a file", 400) if elsewhere else None
    return refusal, receive_again


def _names_outside(value: Any, folder: Path) -> bool:
    """Whether an event's data names a file that is not below `folder`."""
    if isinstance(value, list):
        return any(_names_outside(item, folder) for item in value)
    if not isinstance(value, dict):
        return False
    path = value.get("path")
    if isinstance(path, str) and folder not in Path(path).resolve().parents:
        return True
    return any(_names_outside(item, folder) for item in value.values())


def _asking_for_key(send: Send) -> Send:
    """Have browsers ask their user for the key where one is missing."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 401:
            MutableHeaders(scope=message)["WWW-Authenticate"] = 'Basic realm="Pellucid"'
        await send(message)

    return send_on
