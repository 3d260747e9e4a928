"""Memory: how much there is, how much a computation takes, and what happens when it runs out."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from utils.errors import ImageError
from utils.free_memory import free_memory

Result = TypeVar("Result")

# PyTorch's allocator on the CPU raises a plain RuntimeError, known by its words alone.
_CPU_PHRASES = ("not enough memory", "can't allocate memory", "cannot allocate memory")


def unless_out_of_memory(work: Callable[[], Result], device: torch.device) -> Result | None:
    """What `work` gives, or None where memory ran out; what it had allocated is then free again.

    Other failures are raised as they are.
    """
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
    # Outside the except block, so that the failed call's frames no longer hold its tensors.
    _release(device)
    return None


@contextmanager
def out_of_memory_named(name: str, size: Sequence[int], device: torch.device) -> Iterator[None]:
    """Turn an out-of-memory failure inside the block into an error about this picture.

    Args:
        name: the picture's name.
        size: its height and width in pixels.
        device: where it was worked on.

    Raises:
        ImageError: memory ran out; what was allocated for the picture is free again.
    """
    height, width = size
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        message = (
            f"{name}: {width}x{height} pixels do not fit into the memory of {device}; "
            "make the picture smaller or use a device with more memory"
        )
    else:
        return
    _release(device)
    raise ImageError(message)


def _release(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        phrase in str(error).lower() for phrase in _CPU_PHRASES
    )


def available_bytes(device: torch.device) -> int | None:
    """Bytes that can still be allocated on `device`; None where the system does not tell."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + reserved
    return free_memory()


def peak_bytes(work: Callable[[], Any], device: torch.device) -> int:
    """Bytes of `device` that `work` takes at its peak, beyond what was allocated before."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with _TensorPeak() as peak:
        work()
    return peak.highest


class _TensorPeak(TorchDispatchMode):
    """Counts the bytes of all tensors that come to life inside it, for as long as they live."""

    def __init__(self) -> None:
        super().__init__()
        self.highest = 0
        self._now = 0
        self._alive: dict[int, int] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # PyTorch asks. To guard this class against its compiler it would load all of that, which
        # takes as long as everything else before the first picture.
        return False

    def __torch_dispatch__(
        self,
        operation: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        result = operation(*arguments, **(keywords or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        identity = storage._cdata
        if identity in self._alive:
            return
        self._alive[identity] = storage.nbytes()
        self._now += storage.nbytes()
        self.highest = max(self.highest, self._now)
        weakref.finalize(storage, self._forget, identity)

    def _forget(self, identity: int) -> None:
        self._now -= self._alive.pop(identity)
