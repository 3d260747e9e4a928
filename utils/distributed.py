"""Several processes that work as one, as torchrun starts them; one process needs none of it.

Tensors travel where they are: over NCCL on CUDA, over gloo on the CPU, so that what the host has
to agree on never waits for a device. When one process fails, its message is the only one: the
others leave without a word, whatever they are waiting for.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from utils.errors import PellucidError
from utils.rendezvous import meet

_T = TypeVar("_T")
_FAILURES = "pellucid/failures"  # counts them, in the store that all processes share
_LOOK = 0.5  # seconds between two looks at it
_GRACE = 3.0  # seconds a process has to leave by itself once another has failed
_FAILED = 1  # exit status of a process that leaves because of another


class LostProcessError(PellucidError):
    """Another process ended without saying why."""


def rank() -> int:
    """The number of this process among all, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def local_rank() -> int:
    """The number of this process on its machine, from 0: the CUDA device that is its own."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def world_size() -> int:
    """How many processes work as one."""
    return dist.get_world_size() if dist.is_initialized() else 1


def processes_here() -> int:
    """How many of them are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", world_size()))


def share_of_work() -> tuple[int, int]:
    """Which share of work is this process's, and of how many, where processes need not join.

    As torchrun says; the first of one without it.
    """
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this is the process that writes, and talks to the user."""
    return rank() == 0


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """The sum of every process's `tensor`, equal to the bit on all.

    Args:
        tensor: of one shape and dtype everywhere; it is left as it is.
    """
    if world_size() == 1:
        return tensor
    total = tensor.clone()
    dist.all_reduce(total)
    return total


def stack_over_ranks(tensor: Tensor) -> Tensor:
    """Every process's `tensor`, by rank, along a new first dimension; the same on all.

    Args:
        tensor: of one shape and dtype everywhere.
    """
    if world_size() == 1:
        return tensor[None].clone()
    rows = [torch.empty_like(tensor) for _ in range(world_size())]
    dist.all_gather(rows, tensor.contiguous())
    return torch.stack(rows)


def largest(value: int) -> int:
    """The largest of every process's `value`, agreed on by the hosts without their devices."""
    if world_size() == 1:
        return value
    agreed = torch.tensor(value)
    dist.all_reduce(agreed, op=dist.ReduceOp.MAX)
    return int(agreed)


def barrier() -> None:
    """Wait until every process is here."""
    largest(0)


def gather(value: _T) -> list[_T]:
    """Every process's `value`, by rank, on the main process; an empty list on the others."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.gather_object(value, values if is_main() else None, dst=0)
    return values if is_main() else []


def gather_dealt(items: list[_T]) -> list[_T]:
    """`gather` of items dealt out in turn (rank 0 the first, rank 1 the second), in their order."""
    absent = object()
    rounds = zip_longest(*gather(items), fillvalue=absent)
    return [item for dealt in rounds for item in dealt if item is not absent]  # type: ignore[misc]


def from_main(make: Callable[[], _T]) -> _T:
    """What `make` gives on the main process, where alone it is called."""
    if world_size() == 1:
        return make()
    box: list[Any] = [make() if is_main() else None]
    dist.broadcast_object_list(box, src=0)
    return box[0]


@contextmanager
def processes() -> Iterator[None]:
    """Join, for the block, the processes that torchrun started; do nothing without torchrun.

    An error that leaves the block ends every process: the first to fail raises it, with a note of
    its rank, the others raise SystemExit.

    Raises:
        LostProcessError: another process was killed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    store = _join()
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(store, done), daemon=True)
    watch.start()
    try:
        yield
        barrier()  # else a process that is through would look lost to one that fails later
    except BaseException as error:
        _tell_others(store, error)
        raise
    finally:
        done.set()
        watch.join(_GRACE)  # Python must not end in the middle of a look
    dist.destroy_process_group()


def _join() -> dist.Store:
    store, number, count = meet()
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        if local_rank() < torch.cuda.device_count():  # else DEVICE cpu is meant, or refused
            torch.cuda.set_device(local_rank())
    group = dist.PrefixStore("group", store)
    dist.init_process_group(backend, store=group, rank=number, world_size=count)
    return store


def _watch(store: dist.Store, done: threading.Event) -> None:
    """Leave when another process has failed and this one waits for it, deep in a collective."""
    while not done.wait(_LOOK):
        try:
            failed = store.check([_FAILURES])
        except RuntimeError:  # the store went with the process that held it
            failed = True
        if failed and not done.wait(_GRACE):
            os._exit(_FAILED)


def _tell_others(store: dist.Store, error: BaseException) -> None:
    """Let the other processes know of `error`; return only in the first that fails.

    Raises:
        SystemExit: this process failed because another had.
        LostProcessError: this process failed because another is gone.
    """
    try:
        first = store.add(_FAILURES, 1) == 1
    except RuntimeError:
        first = False
    if not first:
        raise SystemExit(_status(error)) from None
    place = f"rank {rank()} of {world_size()}"
    if _is_lost_connection(error):
        lost = LostProcessError(
            "another process ended without saying why: was it killed, for want of memory perhaps?"
        )
        lost.add_note(place)
        _tell_torchrun(lost)
        raise lost from error
    error.add_note(place)
    _tell_torchrun(error)


def _status(error: BaseException) -> int:
    """What a process exits with that follows another: as that one where both were interrupted."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return _FAILED


def _is_lost_connection(error: BaseException) -> bool:
    if isinstance(error, dist.DistNetworkError | dist.DistBackendError):
        return True
    return isinstance(error, RuntimeError) and "gloo/" in str(error)  # it has no class of its own


def _tell_torchrun(error: BaseException) -> None:
    """Put the message where torchrun looks for it, to be shown in its own last words."""
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if file and isinstance(error, Exception):
        told = {"message": str(error), "extraInfo": {"timestamp": str(int(time.time()))}}
        with open(file, "w", encoding="utf-8") as stream:
            json.dump({"message": told}, stream)
