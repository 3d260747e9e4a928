"""Where the pictures of a tar file lie in it, so that each is read without the others."""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from utils.errors import DataError, PellucidError
from utils.files import atomic_path
from utils.images import SUFFIXES
from utils.logging import get_logger

_log = get_logger(__name__)

INDEX_SUFFIX = ".index.npz"
HALVES = ("input", "target")
_VERSION = 1
_BLOCK = 512  # of a tar file; one of zeros ends it
_ABSENT = (-1, 0)


@dataclass(frozen=True)
class TarIndex:
    """The samples of one tar file, in the order of their first members.

    Attributes:
        keys: their names, UTF-8; (n,) of bytes.
        input: first byte and length of each input, (n, 2) int64; -1 where it has none.
        target: the same of the targets.
        state: size and time of change, in nanoseconds, of the tar file.
    """

    keys: np.ndarray
    input: np.ndarray
    target: np.ndarray
    state: tuple[int, int]


def index_of(path: Path) -> TarIndex:
    """The index of a tar file: as it is written beside it, or made and written where that is old.

    Raises:
        DataError: naming the file, when it is missing, torn, or no plain tar file.
    """
    state = state_of(path)
    beside = path.with_name(path.name + INDEX_SUFFIX)
    known = _read(beside)
    if known is not None and known.state == state:
        return known
    index = _made(path, state)
    try:
        with atomic_path(beside) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                version=np.array(_VERSION),
                state=np.array(state),
                keys=index.keys,
                input=index.input,
                target=index.target,
            )
    except PellucidError as error:  # a place that can only be read: every start makes it anew
        _log.info("%s; the index is kept in memory", error)
    return index


def state_of(file: Path | int) -> tuple[int, int]:
    """Size and time of change of a file, or of what is open under a number.

    Raises:
        DataError: there is no such file.
    """
    try:
        status = os.stat(file)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from error
    return status.st_size, status.st_mtime_ns


def _read(path: Path) -> TarIndex | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["version"]) != _VERSION:
                return None
            size, changed = stored["state"].tolist()
            index = TarIndex(stored["keys"], stored["input"], stored["target"], (size, changed))
            return index if _fits(index) else None
    except Exception:  # not there, torn, or something else: NumPy raises nearly anything
        return None


def _fits(index: TarIndex) -> bool:
    """Whether it speaks of bytes that the tar file has."""
    size, shape = index.state[0], (len(index.keys), 2)
    places = (index.input, index.target)
    return all(
        each.shape == shape and each.dtype == np.int64 and (each.sum(axis=1) <= size).all()
        for each in places
    )


def _made(path: Path, state: tuple[int, int]) -> TarIndex:
    places: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                key, half = _parted(member.name)
                if half and (member.islnk() or member.issym() or member.issparse()):
                    raise DataError(f"{path}: {member.name} is a link or sparse; pack plain files")
                if half and member.isreg():
                    halves = places.setdefault(key, {})
                    if half in halves:
                        raise DataError(f"{path}: holds two {half}s called {key}; keep one")
                    halves[half] = (member.offset_data, member.size)
                tar.members = []  # type: ignore[attr-defined]  # else it keeps every header
            _check_end(file, tar.offset)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"{path}: is cut short, damaged, or no uncompressed tar file: {error}"
        ) from error
    keys = np.array([os.fsencode(key) for key in places], dtype=bytes)
    inputs, targets = (
        np.array([halves.get(half, _ABSENT) for halves in places.values()], np.int64).reshape(-1, 2)
        for half in HALVES
    )
    return TarIndex(keys, inputs, targets, state)


def _parted(name: str) -> tuple[str, str]:
    """A member's sample and which half of it that is; no half where it is no picture.

    As WebDataset has it, a sample's name ends at the first dot of the file's.
    """
    folder, _, file = name.rpartition("/")
    stem, _, kind = file.partition(".")
    half, _, suffix = kind.rpartition(".")
    half = half or "target"  # a clean picture
    is_picture = f".{suffix.lower()}" in SUFFIXES and half in HALVES and stem
    return (f"{folder}/{stem}" if folder else stem), (half if is_picture else "")


def _check_end(file: BinaryIO, offset: int) -> None:
    """What follows the last member must be the end that a whole tar file has.

    tarfile takes any end of the file, and garbage too, for the archive's.
    """
    file.seek(offset)
    if file.read(_BLOCK) != bytes(_BLOCK):
        raise EOFError("it has no end mark")
