"""How processes that torchrun starts, and starts again, find each other and nobody else."""

from __future__ import annotations

import time
import uuid

import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

_LOOK = 0.05  # seconds between two looks at the store


def meet() -> tuple[dist.Store, int, int]:
    """Wait for all processes of this start.

    torchrun's store outlives a restart, with all that processes wrote there which are gone by now;
    nor do the machines count restarts alike. So each process shows a name that nobody had before,
    and the main one answers it with its own, which the store's entries of this start begin with.

    Returns:
        A store of this start's own, this process's rank, and how many there are.

    Raises:
        dist.DistStoreError: they did not all come.
    """
    store, rank, count = next(rendezvous("env://"))
    name = uuid.uuid4().hex
    limit = time.monotonic() + store.timeout.total_seconds()
    start = _answered(store, rank, name, limit) if rank else _answer(store, count, name, limit)
    return dist.PrefixStore(start, store), rank, count


def _answered(store: dist.Store, rank: int, name: str, limit: float) -> str:
    store.set(f"asks/{rank}", name)
    while True:
        asked, start = store.get(f"answer/{rank}").decode().split()
        if asked == name:
            store.add(f"came/{start}", 1)
            return start
        _pause(limit)


def _answer(store: dist.Store, count: int, start: str, limit: float) -> str:
    while store.add(f"came/{start}", 0) < count - 1:
        for rank in range(1, count):
            if store.check([f"asks/{rank}"]):
                store.set(f"answer/{rank}", f"{store.get(f'asks/{rank}').decode()} {start}")
        _pause(limit)
    return start


def _pause(limit: float) -> None:
    if time.monotonic() > limit:
        raise dist.DistStoreError("not all processes came")
    time.sleep(_LOOK)
