"""The record of a long restoration: what is done, what failed, and what was under way.

A file of JSON lines. The first states what is restored and how; then each picture has a line when
it is begun and one when it is restored or has failed. Several processes append to it, one at a
time and whole lines only, so that it survives a process that is killed and a disk that is full.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from utils.errors import DataError
from utils.files import refusals_named
from utils.locks import ShareLock

MOST_DEATHS = 3  # of processes amid a picture, after which it is not tried any more
_LONGEST = 2_000  # characters of an error that are kept
_TAIL = 2**16  # bytes; no line is longer
_RUN = "run"


@dataclass(frozen=True)
class Share:
    """The part of the files that one of several processes restores.

    Which it is follows from a file's name alone, so nobody has to hold a list of all.

    Attributes:
        number: from 0.
        count: of all shares.
    """

    number: int = 0
    count: int = 1

    def has(self, name: str) -> bool:
        """Whether the file of this name belongs to it."""
        return _digest(name) % self.count == self.number


class Manifest:
    """What has been done of one share, and where more is recorded.

    In a `with` statement; until its end, no other process can have the share. Eight bytes are held
    of each file that is finished: a hash of its name.

    Attributes:
        path: the file.
        share: the share.
        left_unfinished: whether an earlier process ended amid a file, of whichever share.

    Args:
        path: the file, the same for all processes; made with its folder where it is missing.
        run: what is restored and how, plain values by name; the file must state the same.
        share: whose files are looked up.
        retry: take failed files for files that have not been tried.

    Raises:
        DataError: it is no such file, or one of another run.
        FolderTakenError: other processes are at the share.
        PellucidError: naming it, when the file system refuses.
    """

    def __init__(
        self, path: Path, run: Mapping[str, Any], share: Share, retry: bool = False
    ) -> None:
        self.path, self.share = path, share
        running = path.with_name(f".{path.name}.running")
        self._lock = ShareLock(running, share.number, share.count, str(path))
        self._restored, self._failed = array("Q"), array("Q")
        self._begun: Counter[int] = Counter()
        try:
            self._load(run)
        except BaseException:
            self._lock.release()
            raise
        self.left_unfinished = bool(self._begun)
        if retry:
            self._failed = array("Q")
        self._restored_sorted, self._failed_sorted = (
            np.unique(np.asarray(digests, np.uint64)) for digests in (self._restored, self._failed)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def is_alone(self) -> bool:
        """Whether no other share is being worked at, by this run or another."""
        return self._lock.is_alone()

    def is_restored(self, name: str) -> bool:
        """Whether a file of the share was restored before this process began."""
        return _holds(self._restored_sorted, _digest(name))

    def has_failed(self, name: str) -> bool:
        """Whether it failed before this process began."""
        return _holds(self._failed_sorted, _digest(name))

    def deaths(self, name: str) -> int:
        """How many processes have begun it and ended before it was finished."""
        return self._begun[_digest(name)]

    def begin(self, name: str) -> None:
        """Record that a file is under way."""
        self._add({"file": name, "state": "begun"}, to_disk=False)  # only our own end matters

    def restored(self, name: str, seconds: float) -> None:
        """Record that the result of a file is in its place."""
        self._add({"file": name, "state": "restored", "seconds": round(seconds, 3)}, to_disk=True)

    def failed(self, name: str, error: str) -> None:
        """Record why a file was not restored."""
        self._add({"file": name, "state": "failed", "error": error[:_LONGEST]}, to_disk=True)

    def _load(self, run: Mapping[str, Any]) -> None:
        with refusals_named(self.path):
            self.path.touch()
        with self._locked() as file, self.path.open("rb") as whole:
            lines = enumerate(whole, start=1)
            stated = next((self._read(line, number) for number, line in lines), None)
            if stated is None:
                _append(file, {_RUN: dict(run)}, to_disk=True)
                return
            self._check(stated, run)
            for number, line in lines:
                self._take(self._read(line, number))

    def _add(self, entry: Mapping[str, Any], to_disk: bool) -> None:
        with self._locked() as file:
            _append(file, entry, to_disk)

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """The open file, for this process alone, without a line that somebody left unfinished."""
        with refusals_named(self.path), self.path.open("rb+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _drop_torn(file)
            yield file

    def _read(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        needed = {_RUN} if number == 1 else {"file", "state"}
        if not isinstance(entry, dict) or not needed <= set(entry):
            raise DataError(
                f"{self.path}: line {number} is none of a manifest; name another file, or remove it"
            )
        return entry

    def _check(self, stated: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        before = stated.get(_RUN, {})
        for key in {**run, **before}:
            if before.get(key) != run.get(key):
                raise DataError(
                    f"{self.path}: is of a run with {key} {before.get(key)}, not {run.get(key)}; "
                    "go on as it was begun, or name another manifest"
                )

    def _take(self, entry: Mapping[str, Any]) -> None:
        digest = _digest(entry["file"])
        if entry["state"] == "begun":
            self._begun[digest] += 1
            return
        self._begun.pop(digest, None)
        if digest % self.share.count != self.share.number:
            return
        (self._failed if entry["state"] == "failed" else self._restored).append(digest)


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(os.fsencode(name), digest_size=8).digest(), "big")


def _holds(digests: np.ndarray, digest: int) -> bool:
    place = int(np.searchsorted(digests, np.uint64(digest)))
    return place < len(digests) and int(digests[place]) == digest


def _append(file: IO[bytes], entry: Mapping[str, Any], to_disk: bool) -> None:
    """Add a line, whole or not at all."""
    end = file.seek(0, os.SEEK_END)
    try:
        line = json.dumps(entry).encode() + b"\n"
        while line:  # of a disk that is nearly full, a part of it is written first
            line = line[file.write(line) :]
        if to_disk:
            os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


def _drop_torn(file: IO[bytes]) -> None:
    """Cut off what follows the last line end: whoever wrote it was killed."""
    end = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, end - _TAIL))
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(start + tail.rfind(b"\n") + 1)
