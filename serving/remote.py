"""A backend that is another server: its API, over HTTP."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import httpx
import numpy as np
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from engine.restore_options import DEFAULTS, RestoreOptions
from engine.verdict import Verdict
from serving.backend import Backend
from serving.catalogue import Catalogue
from serving.errors import Rejected, Unavailable
from serving.keys import HEADER
from serving.routes import VERDICT_HEADERS
from serving.settings import Settings
from serving.uploads import FIELD
from utils.errors import ConfigError
from utils.images import decode_image, encode_png
from utils.logging import get_logger

_log = get_logger(__name__)

_PATIENCE = 120.0  # seconds in which the other server must have started
_BETWEEN = 1.0  # seconds from one try to the next
_CONNECT = 5.0  # seconds


class RemoteService(Backend):
    """Restores and detects by another server's API; pictures travel as PNG, at their own depth.

    `ready` is what `/readyz` says of the process that this is in, as of `Service`.

    Args:
        url: where the API is: `http://api:4000`.
        settings: the API's key, and the time it may take for a request; limits for what this
            process reads itself.
        patience: seconds in which the API must have started.

    Raises:
        ConfigError: no Pellucid API answers there, or it wants another key.
    """

    def __init__(self, url: str, settings: Settings, patience: float = _PATIENCE) -> None:
        self.settings = settings
        self.ready = True
        self._url = url.rstrip("/")
        self._headers = {HEADER: settings.api_key} if settings.api_key else {}
        self._catalogue = self._ask_catalogue(patience)
        self._client = httpx.AsyncClient(
            base_url=self._url,
            headers=self._headers,
            # The server has its own limit; it should be the one that says so.
            timeout=httpx.Timeout(2 * settings.time_limit, connect=_CONNECT),
            limits=httpx.Limits(max_connections=settings.queue),
            trust_env=False,
        )

    def drain(self) -> None:
        """Ask for no more requests."""
        self.ready = False

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def systems(self) -> Catalogue:
        """What the API offered when this was made."""
        return self._catalogue

    async def restore(
        self,
        system: str,
        image: np.ndarray,
        *,
        model: str | None = None,
        options: RestoreOptions = DEFAULTS,
        name: str = FIELD,
    ) -> np.ndarray:
        """Restore a picture by a system.

        Raises:
            Rejected: the API refuses it; the message is its own.
            Unavailable: the API is busy, or does not answer.
            ConfigError: an option that the API does not have.
        """
        query = {"model": model, **_query_of(options)}
        return await _decoded(await self._post(f"/v1/restore/{system}", image, query, name))

    async def detect(
        self, image: np.ndarray, *, method: str | None = None, name: str = FIELD
    ) -> Verdict:
        """Tell whether a picture is pixelated; raises as `restore`."""
        answer = (await self._post("/v1/detect", image, {"method": method}, name)).json()
        return Verdict(answer["probability"], answer["verdict"], answer["block"])

    async def auto(
        self,
        image: np.ndarray,
        *,
        model: str | None = None,
        method: str | None = None,
        options: RestoreOptions = DEFAULTS,
        name: str = FIELD,
    ) -> tuple[np.ndarray, Verdict]:
        """Restore a picture if it is pixelated; `image` itself where it is not. Raises likewise."""
        query = {"model": model, "method": method, **_query_of(options)}
        response = await self._post("/v1/auto", image, query, name)
        verdict, probability, block = (response.headers.get(key) for key in VERDICT_HEADERS)
        found = Verdict(float(probability), verdict, float(block) if block else None)
        restored = await _decoded(response)
        return (image if np.array_equal(restored, image) else restored), found

    async def _post(
        self, path: str, image: np.ndarray, query: dict[str, Any], name: str
    ) -> httpx.Response:
        data = await run_in_threadpool(encode_png, image)
        asked = {key: value for key, value in query.items() if value is not None}
        try:
            response = await self._client.post(
                path, params=asked, files={FIELD: (name, data, "image/png")}
            )
        except httpx.HTTPError as error:
            _log.warning("%s does not answer: %r", self._url, error)
            raise Unavailable("the server that restores does not answer; try again") from error
        if response.is_success:
            return response
        busy = response.status_code == httpx.codes.SERVICE_UNAVAILABLE
        raise (Unavailable if busy else Rejected)(_detail(response))

    def _ask_catalogue(self, patience: float) -> Catalogue:
        """What the API offers, asked for until it answers."""
        until = time.monotonic() + patience
        while True:
            try:
                return self._try_catalogue()
            except httpx.TransportError as error:
                if time.monotonic() >= until:
                    raise ConfigError(f"--api {self._url}: does not answer: {error}") from error
                time.sleep(_BETWEEN)

    def _try_catalogue(self) -> Catalogue:
        try:
            response = httpx.get(
                f"{self._url}/v1/systems",
                headers=self._headers,
                timeout=_CONNECT,
                trust_env=False,
            )
            if response.is_error:
                raise ConfigError(f"--api {self._url}: answers: {_detail(response)}")
            return TypeAdapter(Catalogue).validate_json(response.content)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ConfigError(f"--api {self._url}: is no address like http://host:4000") from error
        except ValidationError as error:
            raise ConfigError(f"--api {self._url}: is no Pellucid API") from error


def _query_of(options: RestoreOptions) -> dict[str, Any]:
    if options.tile_overlap is not None:
        raise ConfigError("tile_overlap: is no option of the API; leave it out")
    return {
        "tile": options.tile,
        "scale": options.outscale,
        "self_ensemble": options.self_ensemble or None,
    }


async def _decoded(response: httpx.Response) -> np.ndarray:
    return await run_in_threadpool(decode_image, response.content, "result", None, True)


def _detail(response: httpx.Response) -> str:
    """The API's one line, or what a proxy before it said in a number."""
    with suppress(ValueError, KeyError, TypeError):
        return str(response.json()["detail"])
    return f"the server answered {response.status_code} {response.reason_phrase}"
