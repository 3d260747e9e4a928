"""A folder that one process has to itself, for as long as it lives."""

from __future__ import annotations

import fcntl
import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO

from utils.errors import PellucidError

_NAME = "run.lock"


class FolderTakenError(PellucidError):
    """Another process has the folder."""


class FolderLock:
    """Takes a folder, making it where it is missing, until `release`.

    The kernel keeps the lock (flock) and drops it with the process that holds it, however that
    ends: a killed run never blocks the next one. The file `run.lock` says who has it.

    Args:
        folder: where the file goes.

    Raises:
        FolderTakenError: naming the process that has the folder.
        PellucidError: the file system refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        self._made = missing  # the innermost first
        try:
            self._file: IO[str] | None = self._take()
        except OSError as error:
            reason = error.strerror or str(error)
            raise PellucidError(f"{self._path}: cannot be locked: {reason}") from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()
        _held.add(self)

    def release(self) -> None:
        """Give the folder back; folders that were made for the lock go where nothing is in them."""
        if self._file is None:
            return
        _held.discard(self)
        with suppress(OSError):
            self._path.unlink()
        self._file.close()
        self._file = None
        with suppress(OSError):  # not empty: the run has begun
            for folder in self._made:
                folder.rmdir()

    def close_copy(self) -> None:
        """In a forked child: let go of the parent's lock, which stays the parent's."""
        if self._file is not None:
            os.close(self._file.fileno())
            self._file = None

    def _take(self) -> IO[str]:
        while True:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                file = self._path.open("a+", encoding="utf-8")
            except FileNotFoundError:  # its holder removed the folder that it had made
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip()
                file.close()
                raise FolderTakenError(
                    f"{self._path.parent}: process {holder or 'unknown'} is running here; wait for "
                    "it, stop it, or choose another OUTPUT_DIR"
                ) from None
            if self._is_in_place(file):
                return file
            file.close()  # its holder released and removed it between our opening and locking it

    def _is_in_place(self, file: IO[str]) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False


# A data loader's workers are forked with the file open: without this, they would keep the lock of
# a killed run for as long as they outlive it.
_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


def _close_copies() -> None:
    for lock in list(_held):
        lock.close_copy()
    _held.clear()


os.register_at_fork(after_in_child=_close_copies)
