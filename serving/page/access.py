"""Who may use the page, where the server has a key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from starlette.requests import Request

from serving.keys import HEADER, KeyCheck

Dependency = Callable[[Request], str | None]


def key_holder(key: str) -> Dependency:
    """Gradio's `auth_dependency` for a key: who a request is from, None where it lacks the key.

    Browsers ask their user for a name and a password (HTTP Basic, RFC 7617) and send them with
    each request of the page: the password is the key, the name may be any. Programs send the
    API's own header.
    """
    check = KeyCheck(key)

    def holder(request: Request) -> str | None:
        given = request.headers.get(HEADER) or _password(request.headers.get("authorization", ""))
        return "visitor" if check.fits(given) else None

    return holder


def _password(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
