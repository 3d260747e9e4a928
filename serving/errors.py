"""What a client is told when something goes wrong: one line, and never what only the server knows.

Every answer that is no result is JSON, `{"detail": "<the field at fault, and what to do>"}`.
"""

from __future__ import annotations

import re

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from serving.queue import Busy
from utils.errors import (
    ConfigError,
    ImageError,
    ImageFormatError,
    ImageTooLargeError,
    PellucidError,
)

_GONE = 499  # nginx's "client closed request": nobody reads it, but it is counted
_PATH = re.compile(r"(?<![\w:/.])/(?:[^\s/:,;'\"]+/)+(?=[^\s/])")
# Options that a request calls by other names than the engine does.
_RENAMED = {"outscale": "scale"}


class UnknownSystem(PellucidError):
    """There is no system of this name."""


class Unavailable(PellucidError):
    """A system, network or method that this server could not load."""


class Unauthorized(PellucidError):
    """The API key is missing or wrong."""


class Rejected(PellucidError):
    """A request that is not made as it should be."""


class TooManyBytes(PellucidError):
    """An upload above the limit."""


class TooSlow(PellucidError):
    """An upload that did not arrive in time."""


# The first that fits counts. Anything else that is raised is a defect: 500, told in the log only.
STATUSES: dict[type[PellucidError], int] = {
    ImageTooLargeError: 413,
    ImageFormatError: 415,
    ImageError: 400,
    Unauthorized: 401,
    UnknownSystem: 404,
    TooSlow: 408,
    TooManyBytes: 413,
    Rejected: 422,
    ConfigError: 422,
    Busy: 503,
    Unavailable: 503,
    PellucidError: 500,
}


def without_paths(message: str) -> str:
    """A message on one line, with files named by their last part only; addresses stay."""
    return _PATH.sub("", " ".join(message.split()))


def install_error_answers(app: FastAPI) -> None:
    """Have every error of an app answered as this module says."""
    app.add_exception_handler(PellucidError, _answer_user_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(Exception, _answer_defect)


def answer(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that is no result."""
    return JSONResponse({"detail": detail}, status, headers)


async def _answer_user_error(_: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    headers = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "APIKey"
    field, colon, rest = str(error).partition(":")
    return answer(status, without_paths(_RENAMED.get(field, field) + colon + rest), headers)


async def _answer_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = [f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors()]
    return answer(422, "; ".join(told))


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=_GONE)


async def _answer_defect(_request: Request, _error: Exception) -> Response:
    return answer(500, "the server failed; its log tells why")
