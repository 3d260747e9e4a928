"""Clean pictures, whose inputs are made by degradations on the fly."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from data.datasets.files import PictureFiles, pictures_by_stem
from data.inventory import SampleFiles
from data.registries import DATASETS
from data.resizing import resize
from utils.errors import DataError, ImageError
from utils.images import image_size


@DATASETS.register
class CleanFolder(PictureFiles):
    """The pictures of one or more folders, as targets.

    Args:
        folder: a folder or a list of folders (what lies deeper is not searched).
        include: a pattern that file names must match, such as `[0-7]*`, to take training and
            validation pictures from one folder.
        size: None gives whole pictures; else the largest square in the middle, resized to
            `size` x `size` pixels (for validation; training has random crops).
        min_size: leave out pictures whose shorter side has fewer pixels, which a random crop
            would not fit; None takes all.
        channels: 1 reads gray, 3 RGB.
        split: named in errors.

    Raises:
        MissingDataError: no folder or no picture.
        DataError: no picture matches `include` or is large enough.
    """

    def __init__(
        self,
        folder: str | Sequence[str],
        include: str = "*",
        size: int | None = None,
        min_size: int | None = None,
        *,
        channels: int,
        split: str,
    ) -> None:
        super().__init__(channels)
        if size is not None and size < 1:
            raise ValueError(f"size is {size}; it must be at least 1")
        folders = [folder] if isinstance(folder, str) else list(folder)
        if not folders:
            raise ValueError("folder is an empty list")
        self.size = size
        self.files = [
            file
            for one in folders
            for file in pictures_by_stem(one, split, self.problems).values()
            if fnmatchcase(file.name, include) and (min_size is None or _has(file, min_size))
        ]
        if not self.files:
            least = "" if min_size is None else f" and has {min_size} pixels a side"
            place = ", ".join(folders)
            raise DataError(f"{split}: no picture in {place} matches {include!r}{least}")
        self.problems = [p for p in self.problems if fnmatchcase(p.file.name, include)]
        # Two folders may hold equal names; their folder's name keeps them apart in tables.
        self.names = [
            file.stem if len(folders) == 1 else f"{file.parent.name}_{file.stem}"
            for file in self.files
        ]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.files)

    def files_of(self, index: int) -> SampleFiles:
        """The picture's file."""
        return SampleFiles(self.files[index], side=self.size)

    def load(self, index: int) -> dict[str, Any]:
        """Decode one picture."""
        picture = self.decode(self.files[index])
        if self.size is not None:
            height, width = picture.shape[:2]
            side = min(height, width)
            top, left = (height - side) // 2, (width - side) // 2
            picture = resize(picture[top : top + side, left : left + side], self.size)
        return {"target": picture, "name": self.names[index]}


def _has(file: Path, side: int) -> bool:
    """Whether a picture's shorter side has `side` pixels; one that cannot be read stays in."""
    try:
        return min(image_size(file)) >= side
    except ImageError:
        return True  # named where it is read, or by the doctor
