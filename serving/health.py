"""Whether a process answers, and whether it should be asked."""

from __future__ import annotations

from typing import Protocol

from fastapi import FastAPI, Response

from serving.errors import answer


class HasReadiness(Protocol):
    """What knows whether it can work now."""

    @property
    def ready(self) -> bool:
        """Whether requests should be sent to it."""


def add_health(app: FastAPI, service: HasReadiness) -> None:
    """Add the routes that probes ask, `/healthz` and `/readyz`."""

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        """Tell whether requests should be sent here: 200, or 503 while starting or ending."""
        if service.ready:
            return Response('{"status":"ready"}', media_type="application/json")
        return answer(503, "the server is starting or shutting down; use another")
