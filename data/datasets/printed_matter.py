"""Printed matter, laid out on the fly: packs, book covers, posters, labels and pages.

Clean pictures for degradations that happen to print, such as glare.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import cv2
import numpy as np

from data.datasets.files import MissingDataError
from data.decoded.pictures import DecodedPictures
from data.inventory import Inventory, SampleFiles
from data.printed.camera import as_photographed
from data.printed.page import Decode, Page
from data.registries import DATASETS
from utils.errors import DataError
from utils.images import list_images, read_image


@DATASETS.register
class PrintedMatter:
    """A data set of invented print; sample `index` is drawn from its random generator alone.

    Args:
        count: how many samples the set says it has.
        size: height and width of a sample in pixels.
        photos: folders with photographs to print among the text; without, only drawn matter.
        include: a pattern that the photographs' file names must match.
        photographed: False leaves pages as they were laid out, flat and sharp to the pixel, as on
            a screen; else they are turned, shaded and blurred a little, as by a camera.
        channels: 1 for gray samples, 3 for RGB.
        split: train, val or test; named in errors.

    Raises:
        DataError: a folder of `photos` is missing or has no pictures.
    """

    def __init__(
        self,
        count: int,
        size: int,
        photos: Sequence[str] = (),
        include: str = "*",
        photographed: bool = True,
        *,
        channels: int,
        split: str,
    ) -> None:
        if count < 1 or size < 64:
            raise ValueError(f"count {count} must be at least 1 and size {size} at least 64")
        self.count = count
        self.size = size
        self.photographed = photographed
        self.channels = channels
        self.split = split
        self.photos: list[Path] = []
        for folder in photos:
            if not Path(folder).is_dir():
                raise MissingDataError(f"{split}: no folder {folder}")
            found = [f for f in list_images(Path(folder)) if fnmatchcase(f.name, include)]
            if not found:
                raise DataError(f"{split}: no photograph in {folder} matches {include!r}")
            self.photos += found
        self._decode: Decode = read_image

    def __len__(self) -> int:
        return self.count

    def inventory(self) -> Inventory:
        """The photographs that may be printed; what is drawn has no file."""
        return Inventory([SampleFiles(photo, side=self.size) for photo in self.photos])

    def keep_decoded(self, pictures: DecodedPictures) -> None:
        """From now on read photographs through `pictures`."""
        self._decode = pictures.read

    def read(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray | str]:
        """Lay out one picture: `target`, uint8 (size, size, channels)."""
        page = Page(self.size, self.photos, rng, self._decode)
        image = page.layout()
        if self.photographed:
            image = as_photographed(image, rng)
        if self.channels == 1:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
        return {"target": image, "name": f"printed_{index:05d}"}
