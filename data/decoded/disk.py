"""Decoded pictures as files, which every process and every later run maps into memory."""

import mmap
import resource
from pathlib import Path

import numpy as np

from data.decoded.ledger import Ledger
from data.decoded.store import Key, digest
from utils.files import atomic_path

_SUFFIX = ".npy"
_HEADER = 128  # bytes before the pixels
_MAPPED = 10_000  # files mapped at once, well below what Linux allows a process (65,530)


class DiskStore:
    """One file for each picture, written whole or not at all.

    So processes may race for a picture, and a killed one leaves at most a file that nobody takes
    for a picture. A file holds the plain pixels: a crop touches its own rows only, and all
    processes share the operating system's one copy of them.

    Args:
        folder: where the files are; it may be removed at any time between runs.
        limit: bytes that they may take together.
    """

    def __init__(self, folder: str | Path, limit: int) -> None:
        self.folder = Path(folder).expanduser()
        self._ledger = Ledger(self.folder, limit)
        # Opening a file takes longer than looking whether its picture has changed.
        self._mapped: dict[tuple[Path, int], tuple[Key, np.ndarray]] = {}
        # Each mapping holds a file open, and a process may have few (often 1024).
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = _MAPPED if files == resource.RLIM_INFINITY else min(_MAPPED, files // 4)

    def find(self, key: Key) -> np.ndarray | None:
        """As in `Store`."""
        known, image = self._mapped.get(key[:2], (None, None))
        if known == key:
            return image
        self._mapped.pop(key[:2], None)
        image = _mapped(self._file_of(key))
        if image is not None:
            if len(self._mapped) >= self._most:
                del self._mapped[next(iter(self._mapped))]
            self._mapped[key[:2]] = key, image
        return image

    def keep(self, key: Key, image: np.ndarray) -> None:
        """As in `Store`; copies of what the picture was before go."""
        file = self._file_of(key)
        with atomic_path(file) as temporary:
            outdated = [path for path in file.parent.glob(f"{_name(key)}-*") if path != file]
            self._ledger.reserve(temporary, _HEADER + image.nbytes, outdated)
            with temporary.open("r+b") as stream:
                header = np.lib.format.header_data_from_array_1_0(image)
                np.lib.format.write_array_header_1_0(stream, header)
                stream.write(image.data)

    def _file_of(self, key: Key) -> Path:
        name = _name(key)
        return self.folder / name[:2] / f"{name}-{key.size}-{key.changed}{_SUFFIX}"


def _name(key: Key) -> str:
    return digest(key.path.resolve(), key.channels).hex()


def _mapped(file: Path) -> np.ndarray | None:
    """The pixels in a file; None where there are none, or it is damaged."""
    try:
        with file.open("rb") as stream:
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            start = stream.tell()
            # Its own closing is left to the last array that is a view of it.
            pixels = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(pixels, dtype, int(np.prod(shape)), start).reshape(shape)
    except (OSError, ValueError):
        return None
