"""Pictures that hold input and target side by side, as SD1 does."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.datasets.files import PictureFiles, pictures_by_stem
from data.inventory import SampleFiles
from data.registries import DATASETS
from utils.errors import DataError
from utils.images import read_image


@DATASETS.register
class StitchedPanels(PictureFiles):
    """One file per sample: panels of equal width, left to right.

    Args:
        folder: where the pictures are.
        panels: what each panel is. `target` must be among them; `input` is read where it is
            named; any other name (`mask`) is skipped. The default is SD1's order.
        channels: 1 reads gray, 3 RGB.
        split: named in errors.

    Raises:
        MissingDataError: no folder or no picture.
    """

    def __init__(
        self,
        folder: str,
        panels: Sequence[str] = ("target", "input", "mask"),
        *,
        channels: int,
        split: str,
    ) -> None:
        super().__init__()
        panels = list(panels)
        if panels.count("target") != 1 or panels.count("input") > 1:
            raise ValueError("panels needs one 'target' and at most one 'input'")
        self.panels = panels
        self.channels = channels
        self.files = list(pictures_by_stem(folder, split, self.problems).values())

    def __len__(self) -> int:
        """How many stitched pictures there are."""
        return len(self.files)

    def files_of(self, index: int) -> SampleFiles:
        """The one file that holds the sample's panels."""
        return SampleFiles(self.files[index], panels=self.panels)

    def load(self, index: int) -> dict[str, Any]:
        """Decode one file and cut the panels that are used out of it."""
        file = self.files[index]
        picture = read_image(file, channels=self.channels)
        width, rest = divmod(picture.shape[1], len(self.panels))
        if rest:
            raise DataError(
                f"{file}: is {picture.shape[1]} pixels wide, not {len(self.panels)} equal panels"
            )
        sample: dict[str, Any] = {"name": file.stem}
        for position, panel in enumerate(self.panels):
            if panel in ("input", "target"):
                # A copy, so that a kept sample does not hold the unused panels in memory.
                part = picture[:, position * width : (position + 1) * width]
                sample[panel] = np.array(part, order="C")
        return sample
