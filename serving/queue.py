"""Where work waits its turn: bounded, in batches of equal keys, each request with a time limit.

The event loop never computes. One thread does, because one computation already uses every core or
the whole GPU. A batch is what waits with equal keys by the time that the thread is free: nobody is
kept waiting for company.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.interruption import Stopped, working_while
from utils.errors import PellucidError

T = TypeVar("T")
R = TypeVar("R")

_SMOOTHING = 0.2  # weight of the newest batch in the mean time of a piece of work


@dataclass(eq=False)
class _Admission:
    """A request that is inside, until when it may be, and whether it still is."""

    queue: WorkQueue
    until: float
    inside: bool = True


_admission: ContextVar[_Admission | None] = ContextVar("admission", default=None)


class Busy(PellucidError):
    """The server cannot do this now; `retry_after` seconds, a whole number, are a good wait."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(f"{message} try again in {retry_after} s")
        self.retry_after = retry_after


class Full(Busy):
    """As many requests are inside as there may be."""


class TimedOut(Busy):
    """A request's time was over before its work was done."""


class WorkQueue:
    """A bounded queue in front of one worker thread.

    Args:
        capacity: requests that may be inside at the same time, from their arrival to their answer.
        max_batch: items of equal keys that are given to one call of their work at most.
        time_limit: seconds that a request may take from its arrival on.
    """

    def __init__(self, capacity: int, max_batch: int, time_limit: float) -> None:
        self._capacity = capacity
        self._max_batch = max_batch
        self._time_limit = time_limit
        self._inside = 0
        self._waiting: list[_Job] = []
        self._changed = asyncio.Event()
        self._open = False
        self._server: asyncio.Task[None] | None = None
        self._seconds = 0.0  # that one item takes, on average of late

    @property
    def inside(self) -> int:
        """Requests that are admitted and not yet answered."""
        return self._inside

    @property
    def waiting(self) -> int:
        """Pieces of work that wait for the worker."""
        return len(self._waiting)

    async def start(self) -> None:
        """Begin to work, on the event loop that calls this."""
        self._open = True
        self._server = asyncio.create_task(self._serve())

    async def stop(self) -> None:
        """Take no more, finish what is inside, and end the worker."""
        self._open = False
        self._changed.set()
        if self._server is not None:
            await self._server

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Count a request, and its time, from its arrival to its answer.

        Inside another `admit` of the same task this changes nothing: a request counts once.

        Raises:
            Full: `capacity` requests are inside, or the queue does not work (any more).
        """
        if self._admitted() is not None:
            yield
            return
        if not self._open:
            raise self._closed()
        if self._inside >= self._capacity:
            raise Full(f"the server is busy with {self._inside} requests;", self._retry_after())
        self._inside += 1
        now = asyncio.get_running_loop().time()
        admission = _Admission(self, now + self._time_limit)
        token = _admission.set(admission)
        try:
            yield
        finally:
            _admission.reset(token)
            admission.inside = False
            self._inside -= 1

    async def run(self, work: Callable[[Sequence[T]], Sequence[R]], item: T, key: Hashable) -> R:
        """Have one item worked on, in the worker thread, and wait for what becomes of it.

        The batch of the item that has waited longest is always next, so nobody waits for ever.
        Who is cancelled leaves the queue; work that nobody waits for is not begun, and what is in
        hand stops where `engine.interruption` lets it.

        Args:
            work: takes a batch and gives a result for each item, in order. Where it fails, every
                item of the batch is given to it again by itself, so that one cannot harm others.
            item: what is worked on.
            key: items with equal keys have the same work and may share a batch.

        Raises:
            Full: the queue does not work (any more).
            TimedOut: the time is over: that of the request where it is admitted, else
                `time_limit` from now on.
            Exception: whatever the work raised for this item.
        """
        if not self._open:
            raise self._closed()
        loop = asyncio.get_running_loop()
        admission = self._admitted()
        until = loop.time() + self._time_limit if admission is None else admission.until
        if loop.time() >= until:
            raise self._over()
        job = _Job(work, item, key, loop.create_future())
        self._waiting.append(job)
        self._changed.set()
        try:
            async with asyncio.timeout_at(until):
                outcome = await job.outcome
        except TimeoutError:
            raise self._over() from None
        finally:
            if job in self._waiting:
                self._waiting.remove(job)
        if isinstance(outcome, _Failure):
            raise outcome.error
        return outcome

    def _admitted(self) -> _Admission | None:
        """The admission that this task is inside, if any.

        A context may outlive it: callbacks of a connection, whose later requests run in them, can
        be made amid an earlier one.
        """
        admission = _admission.get()
        if admission is None or admission.queue is not self or not admission.inside:
            return None
        return admission

    def _closed(self) -> Full:
        return Full("the server takes no requests now;", self._retry_after())

    def _over(self) -> TimedOut:
        message = f"the picture was not done within {self._time_limit:g} s; make it smaller, or"
        return TimedOut(message, self._retry_after())

    def _retry_after(self) -> int:
        """Seconds after which all that is inside now will be done, as far as one can tell."""
        return max(1, math.ceil(min(self._inside * self._seconds, self._time_limit)))

    async def _serve(self) -> None:
        with ThreadPoolExecutor(1, "worker") as thread:
            while self._open or self._waiting:
                if self._waiting:
                    await self._work(self._take_batch(), thread)
                else:
                    self._changed.clear()
                    await self._changed.wait()

    def _take_batch(self) -> list[_Job]:
        key = self._waiting[0].key
        batch = [job for job in self._waiting if job.key == key][: self._max_batch]
        self._waiting = [job for job in self._waiting if job not in batch]
        return batch

    async def _work(self, batch: list[_Job], thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        outcomes = await loop.run_in_executor(thread, _outcomes, batch)
        for job, outcome in zip(batch, outcomes, strict=True):
            if job.is_wanted():
                job.outcome.set_result(outcome)
        seconds = (loop.time() - begun) / len(batch)
        self._seconds += _SMOOTHING * (seconds - self._seconds) if self._seconds else seconds


@dataclass(eq=False)
class _Job:
    work: Callable[[Sequence[Any]], Sequence[Any]]
    item: Any
    key: Hashable
    outcome: asyncio.Future[Any]

    def is_wanted(self) -> bool:
        """Whether somebody waits for it: a waiter that leaves cancels its future."""
        return not self.outcome.done()


@dataclass
class _Failure:
    error: Exception


def _outcomes(batch: list[_Job]) -> list[Any]:
    """What becomes of each item: its result, or a `_Failure`. Runs in the worker thread."""

    def wanted() -> bool:
        return any(job.is_wanted() for job in batch)

    if not wanted():
        return [_Failure(Stopped()) for _ in batch]
    try:
        with working_while(wanted):
            results = batch[0].work([job.item for job in batch])
        return [result for _, result in zip(batch, results, strict=True)]
    except Exception as error:
        if len(batch) == 1:
            return [_Failure(error)]
    return [outcome for job in batch for outcome in _outcomes([job])]
