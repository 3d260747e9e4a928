"""Where a program's time goes, by phases that its parts name; free of cost while nobody asks."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager
from dataclasses import dataclass

REST = "everything else"


@dataclass(frozen=True)
class PhaseTime:
    """What one phase of a run took.

    Attributes:
        name: of the phase.
        seconds: in all.
        share: of the whole run's time, 0 to 1.
        calls: how often it was entered.
    """

    name: str
    seconds: float
    share: float
    calls: int


class Clock:
    """Adds up how long each phase took; a phase within another counts for itself only.

    Args:
        wait: waits for the device, so that a phase's time holds what it started there.

    Attributes:
        seconds: of each phase, and of `REST`, what is in none.
        calls: how often each was entered.
    """

    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._wait = wait
        self._inside = [REST]
        self._whole = 0  # phases entered within one that is not divided
        self._since = time.perf_counter()

    def enter(self, name: str, whole: bool) -> None:
        """A phase begins."""
        if self._whole:
            self._whole += 1
            return
        self.charge()
        self._inside.append(name)
        self.calls[name] += 1
        self._whole = int(whole)

    def leave(self) -> None:
        """The phase entered last ends."""
        if self._whole > 1:
            self._whole -= 1
            return
        self.charge()
        self._whole = 0
        self._inside.pop()

    def charge(self) -> None:
        """Count the time up to now for the phase that it passed in."""
        self._wait()
        now = time.perf_counter()
        self.seconds[self._inside[-1]] += now - self._since
        self._since = now

    def times(self) -> list[PhaseTime]:
        """What each phase took, longest first."""
        whole = sum(self.seconds.values())
        times = [
            PhaseTime(name, seconds, seconds / whole, self.calls[name])
            for name, seconds in self.seconds.items()
        ]
        return sorted(times, key=lambda time: -time.seconds)


def phase_table(times: Sequence[PhaseTime]) -> str:
    """Phases below each other, as text."""
    lines = [f"{'phase':<18} {'seconds':>9} {'share':>7} {'calls':>7} {'ms a call':>10}"]
    for row in times:
        each = f"{row.seconds / row.calls * 1e3:.2f}" if row.calls else "-"
        lines.append(
            f"{row.name:<18} {row.seconds:>9.3f} {row.share:>7.1%} {row.calls or '-':>7} {each:>10}"
        )
    return "\n".join(lines)


_clock: Clock | None = None


class phase(ContextDecorator):  # noqa: N801 - used as contextlib's own are
    """A block, or a function's body, whose time is counted by the clock in force, if there is one.

    Args:
        name: what tables call it.
        whole: it is not divided: phases inside count for it.
    """

    def __init__(self, name: str, whole: bool = False) -> None:
        self.name = name
        self.whole = whole

    def __enter__(self) -> None:
        """Begin."""
        if _clock is not None:
            _clock.enter(self.name, self.whole)

    def __exit__(self, *_: object) -> None:
        """End."""
        if _clock is not None:
            _clock.leave()


@contextmanager
def clocked(wait: Callable[[], object] = lambda: None) -> Iterator[Clock]:
    """A block whose phases are counted, in this process; see `Clock`."""
    global _clock
    _clock = Clock(wait)
    try:
        yield _clock
        _clock.charge()
    finally:
        _clock = None
