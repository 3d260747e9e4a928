"""The page by itself, in front of another server's API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from serving.health import add_health
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
    add_health(app, service)
    mount(app, service, service.settings)
    return app
