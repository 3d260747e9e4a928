"""Samples in tar files, for sets of more files than a file system bears."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from data.datasets.files import MissingDataError
from data.inventory import Inventory, Problem
from data.registries import DATASETS
from data.tar_index import HALVES, TarIndex, index_of, state_of
from utils.errors import DataError, ImageError
from utils.images import decode_image


@DATASETS.register
class WebDatasetShards:
    """The samples of tar files as WebDataset lays them out: members of one sample share its name.

    `0001.input.png` and `0001.target.png` are a pair, `0001.png` is a clean picture; other members
    are not looked at. An index beside each file says where its members lie, so samples are read
    in any order, and each is the same whatever the order.

    Args:
        shards: a tar file or a pattern such as `shards/train-*.tar`, or a list of these.
        channels: 1 reads gray, 3 RGB.
        split: named in errors.

    Raises:
        MissingDataError: no such file.
        DataError: a file is torn or no plain tar file, or some samples have inputs and others not.
    """

    def __init__(self, shards: str | Sequence[str], *, channels: int, split: str) -> None:
        self.channels = channels
        self.paths = _found([shards] if isinstance(shards, str) else list(shards), split)
        shown = tqdm(self.paths, "indexing", unit="file", disable=None, leave=False)
        indices = [index_of(path) for path in shown]
        self.problems: list[Problem] = []
        paired = any(_has(index.input).any() for index in indices)
        self._indices = [
            self._whole(*found, paired) for found in zip(self.paths, indices, strict=True)
        ]
        self._paired = paired
        self._ends = np.cumsum([len(index.keys) for index in self._indices])

    def __len__(self) -> int:
        """How many samples there are."""
        return int(self._ends[-1])

    def read(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        """Sample `index`: `target`, `input` of a pair, and `name`; nothing is drawn.

        Raises:
            ImageError: a picture cannot be decoded.
            DataError: the tar file has changed since it was indexed.
        """
        shard = int(np.searchsorted(self._ends, index, side="right"))
        found = self._indices[shard]
        place = index - int(self._ends[shard]) + len(found.keys)
        key = os.fsdecode(bytes(found.keys[place]))
        halves = HALVES if self._paired else ("target",)
        sample: dict[str, Any] = {"name": key.removeprefix("./").replace("/", "_")}
        for half in halves:
            first, length = getattr(found, half)[place].tolist()
            data = self._bytes(self.paths[shard], found, first, length)
            sample[half] = self._decoded(data, f"{self.paths[shard]}/{key}.{half}")
        return sample

    def inventory(self) -> Inventory:
        """What listing the members has shown to be wrong; their files cannot be named singly."""
        return Inventory(problems=self.problems, unchecked=[type(self).__name__])

    def _whole(self, path: Path, index: TarIndex, paired: bool) -> TarIndex:
        """The samples that have what those of the whole set have; the others become problems."""
        whole = _has(index.target)
        if paired:
            whole &= _has(index.input)
        for place in np.flatnonzero(~whole):
            lacks = "target" if index.target[place, 0] < 0 else "input"
            name = os.fsdecode(bytes(index.keys[place]))
            self.problems.append(Problem(path, f"{name} has no {lacks}"))
        return TarIndex(index.keys[whole], index.input[whole], index.target[whole], index.state)

    def _bytes(self, path: Path, index: TarIndex, first: int, length: int) -> bytes:
        try:
            with path.open("rb", buffering=0) as file:
                if state_of(file.fileno()) != index.state:
                    raise DataError(f"{path}: has changed since it was indexed; start anew")
                return os.pread(file.fileno(), length, first)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error

    def _decoded(self, data: bytes, name: str) -> np.ndarray:
        try:
            return decode_image(data, name, self.channels)
        except ImageError as error:
            error.file = name
            raise


def _has(places: np.ndarray) -> np.ndarray:
    return places[:, 0] >= 0


def _found(patterns: Sequence[str], split: str) -> list[Path]:
    """The files that patterns mean, each once, those of a pattern sorted.

    Raises:
        MissingDataError: there are none.
    """
    paths: dict[Path, None] = {}
    for pattern in patterns:
        there = sorted(glob.glob(str(Path(pattern).expanduser())))
        if not there:
            raise MissingDataError(f"{split}: there is no tar file {pattern}")
        paths.update(dict.fromkeys(map(Path, there)))
    if not paths:
        raise ValueError("shards is an empty list")
    return list(paths)
