"""Inputs and targets in two folders, paired by file name."""

from collections import Counter
from pathlib import Path
from typing import Any

from data.datasets.files import (
    PictureFiles,
    pictures_by_stem,
    raise_problems,
    size_or_problem,
)
from data.registries import DATASETS
from utils.images import read_image


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
        DataError: halves without a partner, unreadable files, sizes that do not fit.
    """

    def __init__(
        self, input: str, target: str, template: str = "{}", *, channels: int, split: str
    ) -> None:
        super().__init__()
        if template.count("{}") != 1:
            raise ValueError(f"template {template!r} needs one {{}} for the target's name")
        self.channels = channels
        inputs = pictures_by_stem(input, split)
        targets = pictures_by_stem(target, split)
        problems: list[str] = []
        self.pairs: list[tuple[Path, Path]] = []
        for stem, file in targets.items():
            partner = inputs.pop(template.replace("{}", stem), None)
            if partner is None:
                problems.append(f"target {file.name} has no input {template.replace('{}', stem)}.*")
            else:
                self.pairs.append((partner, file))
        problems += [f"input {file.name} has no target" for file in inputs.values()]
        problems += _size_problems(self.pairs)
        raise_problems(problems, split, f"{input} and {target}")

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.pairs)

    def load(self, index: int) -> dict[str, Any]:
        """Decode one pair."""
        input_file, target_file = self.pairs[index]
        return {
            "input": read_image(input_file, channels=self.channels),
            "target": read_image(target_file, channels=self.channels),
            "name": target_file.stem,
        }


def _size_problems(pairs: list[tuple[Path, Path]]) -> list[str]:
    """A line for each pair that cannot be read or is not of the scale that most pairs have."""
    problems: list[str] = []
    scales: dict[Path, int] = {}
    for input_file, target_file in pairs:
        small = size_or_problem(input_file, problems)
        large = size_or_problem(target_file, problems)
        if small is None or large is None:
            continue
        scale = large[0] // small[0]
        if scale < 1 or large != (small[0] * scale, small[1] * scale):
            problems.append(
                f"{target_file.name} ({large[1]}x{large[0]}) is no whole multiple of its input "
                f"{input_file.name} ({small[1]}x{small[0]})"
            )
        else:
            scales[target_file] = scale
    usual = Counter(scales.values()).most_common(1)
    for file, scale in scales.items():
        if scale != usual[0][0]:
            problems.append(f"{file.name} is x{scale} of its input where others are x{usual[0][0]}")
    return problems
