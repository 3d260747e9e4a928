"""What every data set made of picture files shares: listing, checking, reading, keeping."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from utils.errors import DataError, ImageError
from utils.images import image_size, list_images

SHOWN_PROBLEMS = 5


class MissingDataError(DataError):
    """A data set's folder is not there or holds no picture."""


class PictureFiles(ABC):
    """A data set whose samples are decoded from files and never change."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[str, Any]] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def load(self, index: int) -> dict[str, Any]:
        """Decode sample `index`: `target`, maybe `input` (HWC uint8 or uint16), `name`."""

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


def pictures_by_stem(folder: str | Path, split: str) -> dict[str, Path]:
    """The pictures of one folder by file name without extension, in name order.

    Raises:
        MissingDataError: no such folder, or no picture in it.
        DataError: two pictures share a stem, so that pairs would be ambiguous.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise MissingDataError(f"{split}: there is no folder {_spelt_out(folder)}")
    files = list_images(folder)
    if not files:
        raise MissingDataError(f"{split}: the folder {_spelt_out(folder)} holds no picture")
    by_stem: dict[str, Path] = {}
    problems = []
    for file in files:
        if file.stem in by_stem:
            problems.append(f"{by_stem[file.stem].name} and {file.name} share one name")
        by_stem.setdefault(file.stem, file)
    raise_problems(problems, split, folder)
    return by_stem


def size_or_problem(path: Path, problems: list[str]) -> tuple[int, int] | None:
    """(height, width) of a picture from its header; unreadable: None, and a line in `problems`."""
    try:
        return image_size(path)
    except ImageError as error:
        problems.append(str(error))
        return None


def raise_problems(problems: Sequence[str], split: str, place: str | Path) -> None:
    """Raise one error that lists the first few of `problems`; nothing where there are none.

    Raises:
        DataError: there is at least one problem.
    """
    if not problems:
        return
    shown = "; ".join(problems[:SHOWN_PROBLEMS])
    more = len(problems) - SHOWN_PROBLEMS
    rest = f"; and {more} more" if more > 0 else ""
    raise DataError(f"{split}: {len(problems)} problem(s) in {place}: {shown}{rest}")


def _spelt_out(folder: Path) -> str:
    return str(folder) if folder.is_absolute() else f"{folder} (looked for in {Path.cwd()})"
