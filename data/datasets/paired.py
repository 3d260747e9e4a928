"""Inputs and targets in two folders, paired by file name."""

from data.datasets.files import pictures_by_stem
from data.datasets.pairs import Pair, Pairs
from data.division import Shares
from data.inventory import Problem
from data.registries import DATASETS


@DATASETS.register
class PairedFolders(Pairs):
    """Pairs of pictures whose names agree, whatever their extensions.

    Args:
        input: folder of the inputs.
        target: folder of the targets; each side is the same whole multiple of its input's.
        template: an input's name, made from its target's: `{}_x4` pairs `0001_x4.jpg` with
            `0001.png`.
        shares: None takes every pair. A number is the share of them that training gets, 0.7 for
            one, and validation gets the rest; `{train: 0.6, val: 0.15, test: 0.25}` names all.
            Pairs whose targets show the same scene stay together.
        seed: draws which pairs each split gets, with `shares`.
        channels: 1 reads gray, 3 RGB.
        split: which share to read; named in errors.

    Raises:
        MissingDataError: no folder or no picture.
        DataError: there are too few scenes for the shares.
    """

    def __init__(
        self,
        input: str,
        target: str,
        template: str = "{}",
        shares: Shares | None = None,
        seed: int = 0,
        *,
        channels: int,
        split: str,
    ) -> None:
        super().__init__(channels)
        if template.count("{}") != 1:
            raise ValueError(f"template {template!r} needs one {{}} for the target's name")
        inputs = pictures_by_stem(input, split, self.problems)
        targets = pictures_by_stem(target, split, self.problems)
        for stem, file in targets.items():
            wanted = template.replace("{}", stem)
            partner = inputs.pop(wanted, None)
            if partner is None:
                self.problems.append(Problem(file, f"has no input {wanted}.* in {input}"))
            else:
                self.pairs.append(Pair(partner, file, stem))
        self.problems += [
            Problem(file, f"is an input without a target in {target}") for file in inputs.values()
        ]
        if shares is not None:
            self.divide(shares, seed, split, str(target))
