"""The web application: routes, documentation, health, metrics, and what surrounds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware.cors import CORSMiddleware

from serving.errors import install_error_answers
from serving.health import add_health
from serving.keys import HEADER
from serving.metrics import Measured, Metrics
from serving.routes import VERDICT_HEADERS, Pong, build_routes
from serving.service import Service


def create_app(service: Service) -> FastAPI:
    """The application around a service; it starts and stops the service's queue.

    Its documentation, at `/docs`, loads nothing from elsewhere.

    Args:
        service: does the work.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPIOffline(
        title="Pellucid",
        description="Clearer pictures: glare, darkness, lost detail, pixelation, blurred mouths.",
        lifespan=lifespan,
        redoc_url=None,
    )
    install_error_answers(app)
    metrics = Metrics(service.queue)
    if service.settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.cors,
            allow_methods=["GET", "POST"],
            allow_headers=[HEADER],
            expose_headers=["Retry-After", *VERDICT_HEADERS],
        )
    app.add_middleware(Measured, metrics=metrics)
    app.include_router(build_routes(service))
    add_health(app, service)
    _add_surroundings(app, metrics)
    return app


def _add_surroundings(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/ping")
    async def ping() -> Pong:
        """Answer, as the earlier service did."""
        return Pong()

    @app.get("/metrics")
    async def tell_metrics() -> Response:
        """Tell Prometheus about requests, the queue and the process."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
