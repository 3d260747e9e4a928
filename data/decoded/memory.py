"""Decoded pictures in memory that a training process shares with its loader processes."""

from __future__ import annotations

import fcntl
import mmap
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import reduction
from typing import Any

import numpy as np

from data.decoded.store import Key, digest
from utils.errors import ConfigError, PellucidError
from utils.free_memory import free_memory

_RECORD = np.dtype(
    [
        ("picture", "V16"),
        ("start", np.int64),
        ("height", np.int32),
        ("width", np.int32),
        ("channels", np.int16),
        ("bytes", np.int16),  # of a value: 1 or 2
    ]
)
_RECORDS = 2**22  # pictures at most; memory that is not written to is not taken
_FIRST = 64  # bytes before the records: how many bytes are given away, how many records there are
_ALIGNED = 64  # bytes: where pixels begin
_SPARE = 2 * 10**9  # bytes that remain free: training needs memory too
_DEPTHS = {1: np.uint8, 2: np.uint16}


class MemoryStore:
    """One stretch of memory, filled from its beginning; it goes with the last process that has it.

    A picture counts once its record is there, which is written after its pixels: of a process that
    is killed before, only room is lost. Who gives room away or adds a record holds the kernel's
    lock, which goes with its process.

    Args:
        limit: bytes that pictures may take together.

    Raises:
        ConfigError: the operating system has no such memory, or not so much.
    """

    def __init__(self, limit: int) -> None:
        if not hasattr(os, "memfd_create"):
            raise ConfigError("DATASETS.CACHE: ram needs Linux; write disk")
        self._limit = limit
        file = os.memfd_create("pellucid-pictures")
        try:
            self._open(file)
        except OSError as error:
            os.close(file)
            raise ConfigError(
                f"DATASETS.CACHE_GB: the system refuses {limit / 1e9:g} GB of memory "
                f"({error.strerror}); write less"
            ) from error

    def find(self, key: Key) -> np.ndarray | None:
        """As in `Store`."""
        name = digest(*key)
        if name not in self._known:
            self._look()
        return self._known.get(name)

    def keep(self, key: Key, image: np.ndarray) -> None:
        """As in `Store`."""
        start = self._room(image.nbytes)
        self._memory[start : start + image.nbytes] = image.tobytes()
        with self._taken():
            count = int(self._counters[1])
            self._records[count] = (digest(*key), start, *image.shape, image.itemsize)
            self._counters[1] = count + 1

    def _open(self, file: int) -> None:
        size = _FIRST + _RECORDS * _RECORD.itemsize + self._limit
        if os.fstat(file).st_size == 0:
            os.ftruncate(file, size)
        self._memory = mmap.mmap(file, size)
        self._file = file
        weakref.finalize(self, os.close, file)
        self._counters = np.frombuffer(self._memory, np.int64, 2)
        self._records = np.frombuffer(self._memory, _RECORD, _RECORDS, _FIRST)
        self._first = size - self._limit
        self._seen = 0
        self._known: dict[bytes, np.ndarray] = {}

    def _room(self, size: int) -> int:
        """Where `size` bytes may be written."""
        room = -(-size // _ALIGNED) * _ALIGNED
        with self._taken():
            used = int(self._counters[0])
            if used + room > self._limit or self._counters[1] >= _RECORDS:
                raise PellucidError(
                    f"memory: holds the {self._limit / 1e9:g} GB that DATASETS.CACHE_GB allows"
                )
            free = free_memory()
            if free is not None and free < room + _SPARE:
                raise PellucidError(f"memory: the machine has {_SPARE / 1e9:g} GB left")
            self._counters[0] = used + room
        return self._first + used

    def _look(self) -> None:
        """Take note of pictures that other processes have kept."""
        with self._taken():
            count = int(self._counters[1])
        for record in self._records[self._seen : count]:
            picture, start, *shape, depth = record.tolist()
            values = int(np.prod(shape))
            image = np.frombuffer(self._memory, _DEPTHS[depth], values, start).reshape(shape)
            image.flags.writeable = False
            self._known[picture] = image
        self._seen = count

    @contextmanager
    def _taken(self) -> Iterator[None]:
        # A lock of the process's: one of the file's (flock) would be the same for forked ones.
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __reduce__(self) -> tuple[Callable[..., MemoryStore], tuple[Any, ...]]:
        """For loader processes that are not forked."""
        return _shared, (reduction.DupFd(self._file), self._limit)


def _shared(file: Any, limit: int) -> MemoryStore:
    store = MemoryStore.__new__(MemoryStore)
    store._limit = limit
    store._open(file.detach())
    return store
