"""Files that two splits have in common, byte for byte."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from data.doctor.findings import Finding, Kind

_BLOCK = 1 << 20  # bytes read at a time


def shared_findings(
    split: str, files: Iterable[Path], others: Iterable[Path], earlier: str = "train"
) -> list[Finding]:
    """The files of `split` that are another split's too, under whatever name.

    Only files of equal length are read, so that this costs little even for large sets. Files that
    cannot be read are passed over: headers and decoding tell them.

    Args:
        split: named in findings.
        files: its files.
        others: the other split's.
        earlier: the other split, train or val.
    """
    by_length: defaultdict[int, list[Path]] = defaultdict(list)
    for file in others:
        if length := _length(file):
            by_length[length].append(file)
    digests: dict[Path, bytes | None] = {}

    def digest(file: Path) -> bytes | None:
        if file not in digests:
            digests[file] = _digest(file)
        return digests[file]

    found = []
    for file in files:
        for other in by_length.get(_length(file), []):
            if digest(file) is not None and digest(file) == digest(other):
                what = f"is the same picture as {earlier}'s {other}, byte for byte"
                kind = Kind.SHARED if earlier == "train" else Kind.VALIDATED
                found.append(Finding(split, file, what, kind))
                break
    return found


def _length(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _digest(file: Path) -> bytes | None:
    state = hashlib.blake2b()
    try:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                state.update(block)
    except OSError:
        return None
    return state.digest()
