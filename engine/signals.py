"""Ctrl-C and SIGTERM end a run between two steps, never in the middle of one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, TypeVar

from utils.distributed import largest, world_size
from utils.phases import phase

_T = TypeVar("_T")


class Stopped(BaseException):
    """A signal came while `StopSignals.at_once` was in force."""


class StopSignals:
    """A context in which the first SIGINT or SIGTERM only asks to stop; a second SIGINT insists.

    Outside the main thread, where Python delivers no signals, it changes nothing.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._agreed: int | None = None
        self._previous: dict[int, Any] = {}
        self._pid = os.getpid()
        self._at_once = False

    @property
    def asked(self) -> bool:
        """Whether a signal has asked the run to stop."""
        return self._received is not None

    def agreed(self) -> bool:
        """Whether a signal has asked any process to stop: one answer, as all must ask together."""
        self._agreed = largest(self._received or 0) or None
        return self._agreed is not None

    @property
    def name(self) -> str:
        """The signal that asked, in a user's words."""
        return "Ctrl-C" if self._number == signal.SIGINT else "SIGTERM"

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that changes nothing worth keeping: a signal leaves it with `Stopped`.

        Where several processes must stop together it is left to them to ask for `agreed`.
        """
        self._at_once = world_size() == 1
        try:
            if self.agreed():
                raise Stopped
            yield
        finally:
            self._at_once = False

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """A part of such a block that a signal does not leave: where workers start, say."""
        at_once, self._at_once = self._at_once, False
        try:
            yield
        finally:
            self._at_once = at_once

    def leave(self) -> None:
        """End the program as the signal would have: exit code 130 or 143."""
        if self._number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + signal.SIGTERM)

    @property
    def _number(self) -> int | None:
        return self._agreed or self._received

    def __enter__(self) -> StopSignals:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a loader's forked worker: the parent decides
            if number == signal.SIGTERM:  # with 0, as in `data.build`
                os._exit(0)
            return
        if self._received == signal.SIGINT == number:
            raise KeyboardInterrupt
        self._received = number
        if self._at_once:
            raise Stopped


def until_stopped(batches: Iterable[_T], rounds: int, stop: StopSignals) -> Iterator[_T]:
    """At most `rounds` batches; before each is taken, all processes agree on whether to go on.

    Args:
        batches: of this process; in the last round it may have none where others have one.
        rounds: the same in all processes.
        stop: the signals to heed.

    Raises:
        Stopped: a signal reached one of the processes.
    """
    left = iter(batches)
    for _ in range(rounds):
        batch = None
        try:
            with stop.in_time(), phase("waiting for data"):
                batch = next(left, None)
        except RuntimeError:
            if not stop.asked:  # else the signal reached a loader's worker before it reached us
                raise
        if stop.agreed():
            raise Stopped
        if batch is not None:
            yield batch
