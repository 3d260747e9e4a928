"""The optional API key."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Security
from fastapi.security import APIKeyHeader

from serving.errors import Unauthorized

HEADER = "X-API-Key"

_header = APIKeyHeader(name=HEADER, auto_error=False)


class KeyCheck:
    """A dependency of routes that need the key.

    Args:
        key: what is asked for; None lets everybody in.
    """

    def __init__(self, key: str | None) -> None:
        self._key = key

    def __call__(self, given: Annotated[str | None, Security(_header)] = None) -> None:
        """Let a request through.

        Raises:
            Unauthorized: its key is missing or wrong.
        """
        if not self.fits(given):
            state = "is missing" if given is None else "is wrong"
            raise Unauthorized(f"{HEADER}: the API key {state}; send it as this header")

    def fits(self, given: str | None) -> bool:
        """Whether this key, of a header or of a form, opens the server."""
        # Compared in a time that does not tell how much of it is right.
        return self._key is None or secrets.compare_digest(
            (given or "").encode(), self._key.encode()
        )
