"""What every data set made of picture files shares: listing, checking, reading, keeping."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from data.inventory import Inventory, Problem, SampleFiles
from utils.errors import DataError
from utils.images import list_images


class MissingDataError(DataError):
    """A data set's folder is not there or holds no picture."""


class PictureFiles(ABC):
    """A data set whose samples are decoded from files and never change.

    Listing problems (a half without its partner) are kept in `problems` instead of raised, so that
    the doctor can tell all there is to tell; `data.build.build_dataset` refuses them.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._kept: dict[int, dict[str, Any]] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def load(self, index: int) -> dict[str, Any]:
        """Decode sample `index`: `target`, maybe `input` (HWC uint8 or uint16), `name`."""

    @abstractmethod
    def files_of(self, index: int) -> SampleFiles:
        """The files that sample `index` is decoded from."""

    def inventory(self) -> Inventory:
        """All files, and what listing them has shown to be wrong."""
        return Inventory([self.files_of(index) for index in range(len(self))], self.problems)

    def keep_decoded(self) -> None:
        """From now on keep every decoded picture in memory (once per loader process)."""
        self._kept = {}

    def read(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        """Sample `index`; nothing in it is drawn, so `rng` stays untouched.

        Raises:
            ImageError: a file cannot be decoded.
        """
        if self._kept is None:
            return self.load(index)
        if index not in self._kept:
            sample = self.load(index)
            for value in sample.values():
                if isinstance(value, np.ndarray):
                    value.flags.writeable = False  # a transform in place would spoil the next epoch
            self._kept[index] = sample
        return dict(self._kept[index])


def pictures_by_stem(folder: str | Path, split: str, problems: list[Problem]) -> dict[str, Path]:
    """The pictures of one folder by file name without extension, in name order.

    Two pictures that share a stem would make pairs ambiguous: the second is left out and added
    to `problems`.

    Raises:
        MissingDataError: no such folder, or no picture in it.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise MissingDataError(f"{split}: there is no folder {_spelt_out(folder)}")
    files = list_images(folder)
    if not files:
        raise MissingDataError(f"{split}: the folder {_spelt_out(folder)} holds no picture")
    by_stem: dict[str, Path] = {}
    for file in files:
        other = by_stem.setdefault(file.stem, file)
        if other != file:
            problems.append(Problem(file, f"shares its name with {other.name}; keep one"))
    return by_stem


def _spelt_out(folder: Path) -> str:
    return str(folder) if folder.is_absolute() else f"{folder} (looked for in {Path.cwd()})"
