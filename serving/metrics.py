"""What `GET /metrics` tells Prometheus: requests, their times, the queue, the process."""

from __future__ import annotations

import time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.queue import WorkQueue

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_NO_ROUTE = "none"


class Metrics:
    """The counters of one app.

    Args:
        queue: what it counts beside requests.

    Attributes:
        registry: what Prometheus's own functions write out.
    """

    def __init__(self, queue: WorkQueue) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            "pellucid_requests",
            "Answers by route and status",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "pellucid_request_seconds",
            "From a request's arrival to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        for name, meaning, value in (
            ("pellucid_requests_inside", "Admitted and not yet answered", lambda: queue.inside),
            ("pellucid_pictures_waiting", "That wait their turn", lambda: queue.waiting),
        ):
            Gauge(name, meaning, registry=registry).set_function(value)

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class Measured:
    """An app whose answers are counted.

    Args:
        app: what answers.
        metrics: where they are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500  # unless an answer begins

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            # The route as it is written, so that no address makes a counter of its own.
            route = getattr(scope.get("route"), "path", _NO_ROUTE)
            self._metrics.count(route, status, time.perf_counter() - begun)
