"""Stopping work whose result nobody waits for any more, between tiles and between layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch.nn.modules.module import register_module_forward_pre_hook

_wanted: ContextVar[Callable[[], bool]] = ContextVar("wanted", default=lambda: True)


class Stopped(Exception):
    """Work was given up because nobody wants its result."""


@contextmanager
def working_while(wanted: Callable[[], bool]) -> Iterator[None]:
    """Give up what is done inside, in this thread, as soon as `wanted` gives False.

    A single layer is the most that is still computed: of a large picture restored whole, a
    network may take minutes, and between tiles alone nothing would stop it.

    Args:
        wanted: asked before every tile and every layer, so it must be quick.

    Raises:
        Stopped: the work was given up.
    """
    token = _wanted.set(wanted)
    # A hook on every module there is; one that runs in another thread asks for that thread.
    hook = register_module_forward_pre_hook(lambda *_: stop_unless_wanted())
    try:
        yield
    finally:
        hook.remove()
        _wanted.reset(token)


def stop_unless_wanted() -> None:
    """Raise `Stopped` where the work in hand is `working_while` something that is no longer so.

    Whatever takes long without running a network asks between its parts.
    """
    if not _wanted.get()():
        raise Stopped
