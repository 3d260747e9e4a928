"""What one process has to itself for as long as it lives: a folder, or its share of some work."""

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


class ShareLock:
    """Takes one share of work that several processes do, until `release`.

    As with `FolderLock` the kernel keeps the lock, so a killed process blocks nobody.

    Args:
        folder: where the locks' files go, the same for all processes; gone with the last of them.
        number: the share's.
        count: of all shares; processes that divide the work otherwise are not to run meanwhile.
        work: what messages call it.

    Raises:
        FolderTakenError: a process has the share, or divides the work otherwise.
        PellucidError: the file system refuses.
    """

    def __init__(self, folder: Path, number: int, count: int, work: str) -> None:
        self._path = folder / f"{number}-of-{count}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = _locked(self._path)
            alike = f"-of-{count}"
            if file is None or any(map(_is_locked, self._others(but=alike))):
                raise FolderTakenError(f"{work}: other processes are at it; wait for them")
        except OSError as error:
            reason = error.strerror or str(error)
            raise PellucidError(f"{self._path}: cannot be locked: {reason}") from error
        self._file = file

    def is_alone(self) -> bool:
        """Whether no process has another share."""
        return not any(map(_is_locked, self._others(but=self._path.name)))

    def release(self) -> None:
        """Give the share back."""
        with suppress(OSError):
            self._path.unlink()
            self._path.parent.rmdir()  # unless others are at work
        self._file.close()

    def _others(self, but: str) -> list[Path]:
        return [one for one in self._path.parent.iterdir() if not one.name.endswith(but)]


def _locked(path: Path) -> IO[str] | None:
    """The open file, which nobody else has then; None where somebody has it."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _is_locked(path: Path) -> bool:
    """Whether a process has the file; one that nobody has is removed."""
    file = _locked(path)
    if file is None:
        return True
    path.unlink(missing_ok=True)
    file.close()
    return False


# A data loader's workers are forked with the file open: without this, they would keep the lock of
# a killed run for as long as they outlive it.
_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


def _close_copies() -> None:
    for lock in list(_held):
        lock.close_copy()
    _held.clear()


os.register_at_fork(after_in_child=_close_copies)
