"""What every data set made of picture files shares: listing, checking, reading."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from data.decoded.pictures import DecodedPictures
from data.inventory import Inventory, Problem, SampleFiles
from utils.errors import DataError
from utils.images import list_images, read_image


class MissingDataError(DataError):
    """A data set's folder is not there or holds no picture."""


class PictureFiles(ABC):
    """A data set whose samples are decoded from files and never change.

    Listing problems (a half without its partner) are kept in `problems` instead of raised, so that
    the doctor can tell all there is to tell; `data.build.build_dataset` refuses them.

    Args:
        channels: 1 reads gray, 3 RGB.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.problems: list[Problem] = []
        self._decoded: DecodedPictures | None = None

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def load(self, index: int) -> dict[str, Any]:
        """Sample `index`: `target`, maybe `input` (HWC uint8 or uint16), `name`."""

    @abstractmethod
    def files_of(self, index: int) -> SampleFiles:
        """The files that sample `index` is decoded from."""

    def inventory(self) -> Inventory:
        """All files, and what listing them has shown to be wrong."""
        return Inventory([self.files_of(index) for index in range(len(self))], self.problems)

    def keep_decoded(self, pictures: DecodedPictures) -> None:
        """From now on read through `pictures`, which decodes each only once."""
        self._decoded = pictures

    def decode(self, path: Path) -> np.ndarray:
        """The picture of one file with the data set's channels; not to be written to.

        Raises:
            ImageError: it cannot be decoded.
        """
        if self._decoded is None:
            return read_image(path, channels=self.channels)
        return self._decoded.read(path, self.channels)

    def read(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        """Sample `index`; nothing in it is drawn, so `rng` stays untouched.

        Raises:
            ImageError: a file cannot be decoded.
        """
        return self.load(index)


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


def pictures_below(folder: Path) -> list[Path]:
    """The pictures of a folder and of all folders in it, sorted; hidden ones are not looked at.

    Raises:
        MissingDataError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise MissingDataError(f"{folder}: there is no such folder")
    inner = [path for path in folder.rglob("*") if path.is_dir()]
    shown = [path for path in inner if not any(part[0] == "." for part in _below(path, folder))]
    files = sorted(file for place in (folder, *shown) for file in list_images(place))
    if not files:
        raise MissingDataError(f"{folder}: holds no picture")
    return files


def _below(path: Path, folder: Path) -> tuple[str, ...]:
    return path.relative_to(folder).parts


def _spelt_out(folder: Path) -> str:
    return str(folder) if folder.is_absolute() else f"{folder} (looked for in {Path.cwd()})"
