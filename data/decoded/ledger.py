"""How much a folder may hold, agreed among all processes that put files into it."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.errors import PellucidError
from utils.files import remove_leftovers

_NAME = ".bytes"
_SPARE = 2 * 10**9  # bytes that remain free on the disk: a run has checkpoints to write
_LEFT = 3600.0  # seconds after which nobody writes to an unfinished file any more


class Ledger:
    """Room in a folder of folders of files.

    The file `.bytes` says how much all of them take. Who changes it holds the kernel's lock on it,
    which goes with its process, however that ends. A file gets its full length together with its
    entry, so that counting what is there is right at any time: each process does so once at first,
    and before it refuses.

    Args:
        folder: what may be filled.
        limit: bytes that its files may take together.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._counted = False

    def reserve(self, file: Path, size: int, outdated: Iterable[Path]) -> None:
        """Make a file as long as it will be, and remove others.

        Args:
            file: an empty one, inside a folder of the folder.
            size: in bytes.
            outdated: those to be removed, first.

        Raises:
            PellucidError: the folder may not hold as much, or the disk is nearly full.
            OSError: the file system refuses.
        """
        with self._taken() as ledger:
            held = _read(ledger) if self._counted else None
            freed = sum(_remove(path) for path in outdated)
            held = None if held is None else held - freed
            if held is None or held + size > self._limit:
                held = self._count()
            if held + size > self._limit:
                raise PellucidError(
                    f"{self._folder}: holds the {self._limit / 1e9:g} GB that DATASETS.CACHE_GB "
                    "allows"
                )
            if shutil.disk_usage(self._folder).free < size + _SPARE:
                raise PellucidError(f"{self._folder}: its disk has {_SPARE / 1e9:g} GB left")
            os.truncate(file, size)
            _write(ledger, held + size)

    @contextmanager
    def _taken(self) -> Iterator[int]:
        ledger = os.open(self._folder / _NAME, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(ledger, fcntl.LOCK_EX)
            yield ledger
        finally:
            os.close(ledger)

    def _count(self) -> int:
        """The bytes of all files there are, once those that killed processes left are gone."""
        self._counted = True
        folders = [folder for folder in self._folder.iterdir() if folder.is_dir()]
        for folder in folders:
            remove_leftovers(folder, _LEFT)
        return sum(map(_size, folders))


def _size(folder: Path) -> int:
    while folder.exists():
        try:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
        except FileNotFoundError:  # a file got its final name just then, or the folder went
            continue
    return 0


def _remove(path: Path) -> int:
    """Remove a file that another process may be removing too; the bytes that it took."""
    with suppress(FileNotFoundError):
        size = path.stat().st_size
        path.unlink()
        return size
    return 0


def _read(ledger: int) -> int | None:
    text = os.pread(ledger, 32, 0)
    return int(text) if text.strip().isdigit() else None


def _write(ledger: int, held: int) -> None:
    os.pwrite(ledger, b"%-31d\n" % held, 0)
