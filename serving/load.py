"""A server under load: what it answers how fast, and what becomes of its memory.

First the time of a single request and the most that the server can hold are measured; the phases
that follow are set by them. All of it is bounded in count and in time.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import psutil

from utils.errors import PellucidError

_SINGLES = 30  # requests, first to warm up, then one after the other for the time of a single one
_SAMPLE = 0.25  # seconds between two looks at the server's memory
_TIMED_OUT, _UNANSWERED = "timeout", "no answer"


@dataclass(frozen=True)
class Answer:
    """How a request ended.

    Attributes:
        status: the HTTP status, "timeout" or "no answer".
        seconds: from sending it to the last byte of its answer.
    """

    status: str
    seconds: float


@dataclass(frozen=True)
class Limits:
    """What bounds a load test.

    Attributes:
        requests: of each phase, at most.
        seconds: of each phase, at most; what is under way then is still awaited.
        patience: seconds after which a request without an answer counts as one.
        clients: requests that are under way at once where the server's capacity is sought. It must
            be no more than the server admits.
    """

    requests: int = 2000
    seconds: float = 300.0
    patience: float = 120.0
    clients: int = 8


@dataclass(frozen=True)
class Phase:
    """What was measured while requests were sent in one way.

    Attributes:
        name: what it is called.
        answers: of all requests.
        seconds: from the first request to the last answer.
        memory: of the server, in bytes, over time.
    """

    name: str
    answers: Sequence[Answer]
    seconds: float
    memory: Sequence[int] = field(repr=False)

    @property
    def statuses(self) -> dict[str, int]:
        """How many answers there are of each status."""
        return dict(sorted(Counter(answer.status for answer in self.answers).items()))

    @property
    def held(self) -> float:
        """Requests a second that were answered with a result."""
        return self.statuses.get("200", 0) / self.seconds

    def time(self, percent: float) -> float:
        """Seconds within which so many percent of the results came; NaN where there are none."""
        times = [answer.seconds for answer in self.answers if answer.status == "200"]
        return float(np.percentile(times, percent)) if times else float("nan")

    @property
    def growth(self) -> float:
        """Share by which memory grew after the first tenth of the time, in which buffers fill."""
        tenth = len(self.memory) // 10
        begin, end = self.memory[tenth : 2 * tenth + 1], self.memory[-tenth - 1 :]
        return float(np.median(end) / np.median(begin) - 1)

    def figures(self) -> dict[str, Any]:
        """All that was measured, for JSON: times in seconds, memory in bytes."""
        return {
            "name": self.name,
            "answers": len(self.answers),
            "seconds": self.seconds,
            "statuses": self.statuses,
            "held_per_second": self.held,
            **{f"p{percent}": self.time(percent) for percent in (50, 95, 99)},
            "memory": list(self.memory),
            "memory_growth": self.growth,
        }


@dataclass(frozen=True)
class Aims:
    """What a server should reach, and whether it did.

    Attributes:
        other_errors: answers beside 200 and 503 at four times what it can hold; should be none.
        slowdown: p99 at half of that divided by the time of a single request; should be below 3.
        growth: of memory while it held all that it can; should be about nothing.
    """

    other_errors: int
    slowdown: float
    growth: float


def aims_of(phases: Sequence[Phase]) -> Aims:
    """What a whole load test says of its server."""
    single, full, half, flood = phases
    others = [count for status, count in flood.statuses.items() if status not in ("200", "503")]
    return Aims(sum(others), half.time(99) / single.time(50), full.growth)


class LoadTest:
    """Sends one request over and over to a server of which the process is known.

    Args:
        request: what is sent.
        process: the server's.
        limits: of each phase.
        rng: draws the times between requests at a given rate (Poisson); None spaces them evenly.
        on_answer: called after every answer.
    """

    def __init__(
        self,
        request: httpx.Request,
        process: psutil.Process,
        limits: Limits,
        rng: np.random.Generator | None,
        on_answer: Callable[[], object],
    ) -> None:
        self._request = request
        self._body = request.read()
        self._process = process
        self._limits = limits
        self._rng = rng
        self._on_answer = on_answer

    async def run(self, told: Callable[[Phase], None]) -> list[Phase]:
        """All phases; each is told as soon as it is over.

        Raises:
            PellucidError: the server does not answer a single request with a result.
        """
        connections = httpx.Limits(max_connections=None)
        phases: list[Phase] = []

        async def measure(name: str, send_all: Awaitable[list[Answer]]) -> Phase:
            phases.append(await self._measured(name, send_all))
            told(phases[-1])
            return phases[-1]

        async with httpx.AsyncClient(timeout=self._limits.patience, limits=connections) as client:
            await self._keep_up(client, _SINGLES, self._limits.clients)  # what is first is slow
            single = await measure("one by one", self._keep_up(client, _SINGLES, 1))
            if set(single.statuses) != {"200"}:
                raise PellucidError(
                    f"{self._request.url}: answered {single.statuses} instead of 200 only; "
                    "see that it serves, and that the key and the picture are right"
                )
            most = self._limits.requests
            steady = await measure("all it can", self._keep_up(client, most, self._limits.clients))
            for name, times in (("half of that", 0.5), ("four times that", 4.0)):
                await measure(name, self._send_at(client, most, times * steady.held))
        return phases

    async def _measured(self, name: str, send_all: Awaitable[list[Answer]]) -> Phase:
        async with self._memory_watched() as memory:
            begun = time.perf_counter()
            answers = await send_all
            return Phase(name, answers, time.perf_counter() - begun, memory)

    async def _keep_up(self, client: httpx.AsyncClient, count: int, clients: int) -> list[Answer]:
        """Clients that each send the next request as soon as the last is answered."""
        end = time.perf_counter() + self._limits.seconds
        answers: list[Answer] = []
        begun = 0

        async def keep_sending() -> None:
            nonlocal begun
            while begun < count and time.perf_counter() < end:
                begun += 1
                answers.append(await self._send(client))

        await asyncio.gather(*(keep_sending() for _ in range(clients)))
        return answers

    async def _send_at(self, client: httpx.AsyncClient, count: int, rate: float) -> list[Answer]:
        """Requests that come `rate` a second, whether earlier ones are answered or not."""
        gaps = np.full(count, 1 / rate)
        times = np.cumsum(gaps if self._rng is None else self._rng.exponential(gaps))
        begun = time.perf_counter()
        sent: list[asyncio.Task[Answer]] = []
        for moment in times[times < self._limits.seconds]:
            await asyncio.sleep(max(0.0, begun + moment - time.perf_counter()))
            sent.append(asyncio.create_task(self._send(client)))
        return list(await asyncio.gather(*sent))

    async def _send(self, client: httpx.AsyncClient) -> Answer:
        begun = time.perf_counter()
        try:
            answer = await client.request(
                self._request.method,
                self._request.url,
                content=self._body,
                headers=self._request.headers,
            )
            status = str(answer.status_code)
        except httpx.TimeoutException:
            status = _TIMED_OUT
        except httpx.TransportError:
            status = _UNANSWERED
        self._on_answer()
        return Answer(status, time.perf_counter() - begun)

    @asynccontextmanager
    async def _memory_watched(self) -> AsyncIterator[list[int]]:
        """The bytes that the server holds, looked at every now and then."""
        samples = [self._process.memory_info().rss]

        async def watch() -> None:
            while True:
                await asyncio.sleep(_SAMPLE)
                samples.append(self._process.memory_info().rss)

        watching = asyncio.create_task(watch())
        try:
            yield samples
        finally:
            watching.cancel()
            samples.append(self._process.memory_info().rss)


def process_listening(port: int) -> psutil.Process:
    """The process of this machine that listens at a TCP port.

    Raises:
        PellucidError: there is none, or one of somebody else's.
    """
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr.port == port and connection.pid is not None:
            return psutil.Process(connection.pid)
    raise PellucidError(f"port {port}: no process of yours listens there; start tools/serve.py")
