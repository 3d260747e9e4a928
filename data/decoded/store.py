"""What the places have in common in which decoded pictures are kept."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np


class Key(NamedTuple):
    """A picture as it was when it was looked at, with so many channels.

    Attributes:
        path: its file.
        channels: 1 for gray, 3 for RGB.
        size: of the file, in bytes.
        changed: when the file was last changed, in nanoseconds, as the system keeps it: not the
            time that programs which unpack or copy files set.
    """

    path: Path
    channels: int
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path, channels: int) -> "Key":
        """The picture as it is now.

        Raises:
            OSError: there is no such file.
        """
        status = os.stat(path)
        return cls(path, channels, status.st_size, status.st_ctime_ns)


class Store(Protocol):
    """Keeps pixels for all processes at once; any of them may be killed at any moment."""

    def find(self, key: Key) -> np.ndarray | None:
        """The pixels of a picture, read-only, or None where they are not kept."""

    def keep(self, key: Key, image: np.ndarray) -> None:
        """Keep the pixels of a picture: HWC, uint8 or uint16.

        Raises:
            PellucidError: there is no room, or the system refuses; what is kept stays good.
        """


def digest(*parts: object) -> bytes:
    """16 bytes that stand for some paths and numbers."""
    encoded = (os.fsencode(part if isinstance(part, Path) else str(part)) for part in parts)
    return hashlib.blake2b(b"|".join(encoded), digest_size=16).digest()
