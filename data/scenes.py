"""Which pictures show the same scene, so that none of it is learnt from and measured on."""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from data.likeness import Gallery
from data.thumbnails import WHOLE, thumbnails_of


def scenes_of(files: Sequence[Path], stated: Sequence[Hashable] | None = None) -> list[int]:
    """A number for each picture, equal where pictures show the same scene.

    Pictures do so when they are equal, when they are copies of each other as `data.likeness` finds
    them (another exposure of the same view is one), or when it is stated. What another picture
    shows the same as belongs to the scene too. A file that cannot be decoded is its own scene.

    Args:
        files: the pictures; one may be there several times.
        stated: what is known already: a mark for each picture, equal marks for equal scenes.
    """
    distinct = list(dict.fromkeys(files))
    groups = _Groups(len(distinct))
    for first, second in _alike(tuple((file, *_state(file)) for file in distinct)):
        groups.join(first, second)
    place = {file: number for number, file in enumerate(distinct)}
    if stated is not None:
        first_of: dict[Hashable, Path] = {}
        for file, mark in zip(files, stated, strict=True):
            groups.join(place[first_of.setdefault(mark, file)], place[file])
    return [groups.find(place[file]) for file in files]


@lru_cache(maxsize=16)  # the splits of a data set ask for the same
def _alike(files: tuple[tuple[Path, int, int], ...]) -> list[tuple[int, int]]:
    """Pairs of places in `files` (path, length, time of change) whose pictures show the same."""
    numbers = {file: number for number, (file, _, _) in enumerate(files)}
    equal: dict[bytes, Path] = {}
    thumbnails: dict[Path, np.ndarray] = {}
    pairs = []
    for file, thumbnail in thumbnails_of(dict.fromkeys(numbers, WHOLE), "find scenes"):
        if not isinstance(thumbnail, np.ndarray):
            continue
        other = equal.setdefault(thumbnail.tobytes(), file)
        if other == file:
            thumbnails[file] = thumbnail
        else:
            pairs.append((numbers[other], numbers[file]))
    gallery = Gallery(thumbnails)
    for file, thumbnail in thumbnails.items():
        pairs += [(numbers[file], numbers[like]) for like, _ in gallery.likes_of(thumbnail)]
    return pairs


def _state(file: Path) -> tuple[int, int]:
    """What changes when a file does; nothing where it is missing."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


class _Groups:
    """Numbers from 0 that are joined into groups, each known by its smallest."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def join(self, first: int, second: int) -> None:
        first, second = self.find(first), self.find(second)
        self._parent[max(first, second)] = min(first, second)
