"""Inputs and targets in two folders, paired by file name."""

from pathlib import Path
from typing import Any

from data.datasets.files import PictureFiles, pictures_by_stem
from data.inventory import Problem, SampleFiles
from data.registries import DATASETS


@DATASETS.register
class PairedFolders(PictureFiles):
    """Pairs of pictures whose names agree, whatever their extensions.

    Args:
        input: folder of the inputs.
        target: folder of the targets; each side is the same whole multiple of its input's.
        template: an input's name, made from its target's: `{}_x4` pairs `0001_x4.jpg` with
            `0001.png`.
        channels: 1 reads gray, 3 RGB.
        split: named in errors.

    Raises:
        MissingDataError: no folder or no picture.
    """

    def __init__(
        self, input: str, target: str, template: str = "{}", *, channels: int, split: str
    ) -> None:
        super().__init__(channels)
        if template.count("{}") != 1:
            raise ValueError(f"template {template!r} needs one {{}} for the target's name")
        inputs = pictures_by_stem(input, split, self.problems)
        targets = pictures_by_stem(target, split, self.problems)
        self.pairs: list[tuple[Path, Path]] = []
        for stem, file in targets.items():
            wanted = template.replace("{}", stem)
            partner = inputs.pop(wanted, None)
            if partner is None:
                self.problems.append(Problem(file, f"has no input {wanted}.* in {input}"))
            else:
                self.pairs.append((partner, file))
        self.problems += [
            Problem(file, f"is an input without a target in {target}") for file in inputs.values()
        ]

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.pairs)

    def files_of(self, index: int) -> SampleFiles:
        """The two files of a pair."""
        input_file, target_file = self.pairs[index]
        return SampleFiles(target_file, input_file)

    def load(self, index: int) -> dict[str, Any]:
        """Decode one pair."""
        input_file, target_file = self.pairs[index]
        return {
            "input": self.decode(input_file),
            "target": self.decode(target_file),
            "name": target_file.stem,
        }
