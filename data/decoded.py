"""Decoded pictures as files that every loader process and every later run maps into memory."""

import hashlib
import os
from pathlib import Path

import numpy as np

from utils.files import atomic_path
from utils.images import read_image

_MAPPED = 10_000  # files mapped at once, well below what operating systems allow a process


class DecodedPictures:
    """Reads pictures, each decoded once.

    A picture's file is written when the picture is first read, whole or not at all, so that
    processes may race for it and a killed one leaves nothing behind. It holds the plain pixels:
    a crop touches its own rows only, and all processes share the operating system's one copy. A
    picture whose size or time of change differs is decoded again.

    Args:
        folder: where the files are; it may be removed at any time between runs.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        # Path, channels -> (size, time of change) and pixels: opening a file takes longer than
        # looking whether its picture has changed.
        self._mapped: dict[tuple[Path, int], tuple[tuple[int, int], np.ndarray]] = {}

    def read(self, path: Path, channels: int) -> np.ndarray:
        """The picture that `read_image(path, channels)` gives, read-only.

        Raises:
            ImageError: the picture is missing or cannot be decoded.
            PellucidError: its decoded copy cannot be written.
        """
        try:
            status = os.stat(path)
        except OSError:
            return read_image(path, channels)  # which says what is wrong
        state = status.st_size, status.st_mtime_ns
        known, image = self._mapped.get((path, channels), (None, None))
        if image is None or known != state:
            image = self._map(path, channels, state)
            if len(self._mapped) >= _MAPPED:
                self._mapped.clear()
            self._mapped[path, channels] = state, image
        return image

    def _map(self, path: Path, channels: int, state: tuple[int, int]) -> np.ndarray:
        """The pixels of the picture's decoded copy, which is written where there is none."""
        key = os.fsencode(f"{path.resolve()}|{channels}")
        name = hashlib.blake2b(key, digest_size=16).hexdigest()
        place = self.folder / name[:2]
        copy = place / f"{name}-{state[0]}-{state[1]}.npy"
        try:
            return np.asarray(np.load(copy, mmap_mode="r"))
        except (OSError, ValueError):  # not there yet, or damaged
            image = read_image(path, channels)
        for outdated in place.glob(f"{name}-*.npy"):
            if outdated != copy:  # another process may just have written ours
                outdated.unlink(missing_ok=True)
        with atomic_path(copy) as temporary:
            np.save(temporary, image)
        return np.asarray(np.load(copy, mmap_mode="r"))
