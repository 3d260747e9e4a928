"""Ctrl-C and SIGTERM end a run between two steps, never in the middle of one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Stopped(BaseException):
    """A signal came while `StopSignals.at_once` was in force."""


class StopSignals:
    """A context in which the first SIGINT or SIGTERM only asks to stop; a second SIGINT insists.

    Outside the main thread, where Python delivers no signals, it changes nothing.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._previous: dict[int, Any] = {}
        self._pid = os.getpid()
        self._at_once = False

    @property
    def asked(self) -> bool:
        """Whether a signal has asked the run to stop."""
        return self._received is not None

    @property
    def name(self) -> str:
        """The signal that asked, in a user's words."""
        return "Ctrl-C" if self._received == signal.SIGINT else "SIGTERM"

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that changes nothing worth keeping: a signal leaves it with `Stopped`."""
        self._at_once = True
        try:
            if self.asked:
                raise Stopped
            yield
        finally:
            self._at_once = False

    def leave(self) -> None:
        """End the program as the signal would have: exit code 130 or 143."""
        if self._received == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + signal.SIGTERM)

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
            if number == signal.SIGTERM:
                os._exit(128 + number)
            return
        if self._received == signal.SIGINT == number:
            raise KeyboardInterrupt
        self._received = number
        if self._at_once:
            raise Stopped
