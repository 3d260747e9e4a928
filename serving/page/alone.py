"""The page by itself, in front of another server's API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from serving.errors import answer
from serving.page.mount import mount
from serving.remote import RemoteService


def create_page_app(service: RemoteService) -> FastAPI:
    """An application that has the page at `/`, and `/healthz` and `/readyz`.

    Args:
        service: does the work, elsewhere.

    Raises:
        ConfigError: there is no folder to keep uploads in.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.stop()

    app = FastAPI(title="Pellucid", lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        """Tell whether visitors should be sent here: 200, or 503 while shutting down."""
        if service.ready:
            return Response('{"status":"ready"}', media_type="application/json")
        return answer(503, "the server is shutting down; use another")

    mount(app, service, service.settings)
    return app
