"""Pictures that hold input and target side by side, as SD1 does."""

from collections.abc import Sequence
from typing import Any

from data.datasets.files import PictureFiles, pictures_by_stem
from data.inventory import SampleFiles
from data.registries import DATASETS
from utils.errors import DataError


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
        super().__init__(channels)
        panels = list(panels)
        if panels.count("target") != 1 or panels.count("input") > 1:
            raise ValueError("panels needs one 'target' and at most one 'input'")
        self.panels = panels
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
        picture = self.decode(file)
        width, rest = divmod(picture.shape[1], len(self.panels))
        if rest:
            raise DataError(
                f"{file}: is {picture.shape[1]} pixels wide, not {len(self.panels)} equal panels"
            )
        sample: dict[str, Any] = {"name": file.stem}
        for position, panel in enumerate(self.panels):
            if panel in ("input", "target"):
                sample[panel] = picture[:, position * width : (position + 1) * width]
        return sample
