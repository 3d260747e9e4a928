"""Files that are whole or not there: written beside their place, flushed, then renamed over it."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.errors import PellucidError

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp(\.\w+)?")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it becomes `path` when the block ends well.

    Missing folders are made. The temporary name starts with a dot and keeps the suffix, for
    writers that choose a format by it. On any error the temporary file goes and what stood at
    `path` before stays.

    Raises:
        PellucidError: naming `path`, when the file system refuses (no space, no permission).
    """
    path = Path(path)
    temporary = _temporary_name(path)
    try:
        with refusals_named(path):
            _begin(path, temporary)  # a refusal comes before the work, not after it
            mode = temporary.stat().st_mode
            yield temporary
            temporary.chmod(mode)  # some writers (safetensors) make it for their owner only
            _flush(temporary)
            os.replace(temporary, path)
            _flush_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


def cache_folder(kind: str) -> Path:
    """Where this user's files of a kind are kept that can be made anew: pellucid/KIND in
    $XDG_CACHE_HOME, or in ~/.cache.

    Raises:
        PellucidError: neither is known.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "pellucid" / kind
    except RuntimeError as error:  # no $HOME, and a user whom the system does not list
        raise PellucidError(
            "there is no home folder to keep files in; set XDG_CACHE_HOME to a folder"
        ) from error


def check_writable(path: Path) -> None:
    """Refuse a place where no file can be written, before the work that would be lost.

    Raises:
        PellucidError: naming `path`.
    """
    temporary = _temporary_name(path)
    with refusals_named(path):
        _begin(path, temporary)
        temporary.unlink()


@contextmanager
def refusals_named(path: Path, what: str = "") -> Iterator[None]:
    """Turn a refusal of the file system inside the block into an error that names `path`.

    Args:
        path: the file, or the folder it is in.
        what: what was to be written, where that is not the file itself.

    Raises:
        PellucidError: there was one (no space, no permission).
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        place = f"{path}: {what}" if what else f"{path}:"
        raise PellucidError(f"{place} cannot be written: {reason}") from error


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Raises:
        PellucidError: naming `path`, when the file system refuses.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all.

    Raises:
        PellucidError: naming `path`, when the file system refuses.
    """
    atomic_write_bytes(path, text.encode("utf-8"))


def remove_leftovers(folder: Path, age: float = 0.0) -> None:
    """Remove the temporary files that killed writers left in `folder`.

    Args:
        folder: where they are.
        age: seconds for which nothing has been written to them; 0 is for one who knows that
            nobody else is writing there.
    """
    latest = time.time() - age
    for path in folder.glob(".*.tmp*"):
        with suppress(FileNotFoundError):
            if _TEMPORARY.fullmatch(path.name) and (not age or path.stat().st_mtime < latest):
                path.unlink()


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(8)}.tmp{path.suffix}")


def _begin(path: Path, temporary: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise PellucidError(f"{path}: cannot be written: it is a folder")
    temporary.touch(exist_ok=False)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    # Makes the rename itself survive a power cut; some systems cannot open a folder.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
