"""What the data sets of paired files share: reading, and dividing them among splits."""

from pathlib import Path
from typing import Any, NamedTuple

from data.datasets.files import PictureFiles
from data.division import Division, Shares, divide, read_shares
from data.inventory import Inventory, SampleFiles
from data.scenes import scenes_of
from utils.errors import DataError


class Pair(NamedTuple):
    """The two files of a sample, its name, and the scene it is stated to show, if any."""

    input: Path
    target: Path
    name: str
    scene: str | None = None


class Pairs(PictureFiles):
    """A data set of pairs of files.

    Attributes:
        pairs: what this split reads; a subclass lists them all, then may `divide` them.
        division: how they were divided, if they were.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.pairs: list[Pair] = []
        self.division: Division | None = None

    def divide(self, shares: Shares, seed: int, split: str, place: str) -> None:
        """Keep the pairs of `split` only, such that no other split shows a scene of theirs.

        Pairs show one scene when it is stated, or when their targets show the same.

        Args:
            shares: see `data.division.read_shares`.
            seed: of the draw.
            split: the one to keep.
            place: where the pairs are listed, for the record.

        Raises:
            ValueError: shares that cannot be meant.
            DataError: too few scenes.
        """
        wanted = read_shares(shares, split)
        marks = [number if p.scene is None else p.scene for number, p in enumerate(self.pairs)]
        scenes = scenes_of([pair.target for pair in self.pairs], marks)
        try:
            splits = divide(scenes, wanted, seed)
        except DataError as error:
            raise DataError(f"{split}: {place}: {error}") from error
        names: dict[str, list[str]] = {name: [] for name in wanted}
        for pair, its in zip(self.pairs, splits, strict=True):
            names[its].append(pair.name)
        self.division = Division(place, seed, wanted, names)
        self.pairs = [pair for pair, its in zip(self.pairs, splits, strict=True) if its == split]

    def inventory(self) -> Inventory:
        """The files of this split's pairs, and how all were divided."""
        whole = super().inventory()
        divisions = [] if self.division is None else [self.division]
        return Inventory(whole.samples, whole.problems, divisions=divisions)

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.pairs)

    def files_of(self, index: int) -> SampleFiles:
        """The two files of a pair."""
        return SampleFiles(self.pairs[index].target, self.pairs[index].input)

    def load(self, index: int) -> dict[str, Any]:
        """Decode one pair."""
        pair = self.pairs[index]
        return {
            "input": self.decode(pair.input),
            "target": self.decode(pair.target),
            "name": pair.name,
        }
