"""Pairs of blurred and sharp mouths from photographs of faces."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path, PurePath

import numpy as np
from tqdm import tqdm

from data.datasets.files import pictures_below
from data.samples import Sample, Samples
from data.staging import check_free, check_source, staged_folder
from utils.errors import DataError, ImageError
from utils.files import atomic_write_text
from utils.images import read_image, to_8_bit, write_image

_SHARES = {"val": 0.1, "test": 0.25}  # of the photographs; the others are to train
_INPUTS = {"train": 1, "val": 4, "test": 4}  # blurred copies of each mouth


@dataclass
class MouthReport:
    """What `prepare_mouths` found.

    Attributes:
        photographs: files of each split, `train`, `val` and `test`, that have a mouth.
        mouths: how many mouths each split has.
        empty: files in which no mouth was found that is large enough.
        unreadable: what is wrong with each file that could not be read.
    """

    photographs: dict[str, list[str]] = field(default_factory=dict)
    mouths: dict[str, int] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def prepare_mouths(
    source: Path,
    output: Path,
    find: Callable[[np.ndarray], Sequence[np.ndarray]],
    degradations: Sequence[Callable[..., np.ndarray]],
    seed: int = 0,
    force: bool = False,
) -> MouthReport:
    """Write `train/`, `val/` and `test/`, each with `input/` and `target/`, and `split.json`.

    About a tenth of the photographs is to validate, a quarter to test. There, each mouth is blurred
    four times, so that few faces still tell much. All mouths of a photograph are in one split, and
    all photographs of one folder below `source`: give each person a folder, and nobody who is
    learnt from is tested on. Which split it is and what blurs a mouth depends on the seed and the
    files' names alone. `output` appears only when it is complete.

    Args:
        source: a folder of photographs, in it or deeper.
        output: the folder to make.
        find: the mouths of a picture, HWC uint8 RGB, as pictures of one size.
        degradations: what makes an input of a target, in order.
        seed: of the split and of what blurs.
        force: replace an `output` that is there.

    Raises:
        DataError: no pictures, too few with a mouth to fill three splits, an `output` that
            exists, or that holds `source`.
    """
    check_source(source, output)
    check_free(output, force)  # said before all photographs are searched
    report = MouthReport()
    mouths = _find(source, find, report)
    splits = _split(sorted({mouth.photograph for mouth in mouths}), seed)
    samples = Samples(_Mouths(mouths), [], degradations, seed)
    with staged_folder(output, force) as folder:
        for split, photographs in splits.items():
            chosen = [n for n, mouth in enumerate(mouths) if mouth.photograph in photographs]
            report.photographs[split], report.mouths[split] = photographs, len(chosen)
            for index, copy in product(chosen, range(_INPUTS[split])):
                _write(folder / split, samples.make((copy, index)), copy)
        facts = {"seed": seed, **report.photographs, "empty": report.empty}
        atomic_write_text(folder / "split.json", json.dumps(facts, indent=1) + "\n")
    return report


@dataclass(frozen=True)
class _Mouth:
    """A mouth, by which photograph it is of and what its files are called."""

    picture: np.ndarray
    photograph: str
    name: str


class _Mouths:
    """Mouths as clean pictures to degrade: a `data.samples.Source`."""

    def __init__(self, mouths: Sequence[_Mouth]) -> None:
        self._mouths = mouths

    def __len__(self) -> int:
        return len(self._mouths)

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        """One mouth; nothing is drawn."""
        mouth = self._mouths[index]
        return {"target": mouth.picture, "name": mouth.name}


def _find(
    source: Path, find: Callable[[np.ndarray], Sequence[np.ndarray]], report: MouthReport
) -> list[_Mouth]:
    mouths: list[_Mouth] = []
    for file in tqdm(pictures_below(source), "find mouths", unit="picture", disable=None):
        photograph = str(file.relative_to(source))
        try:
            found = find(to_8_bit(read_image(file, channels=3)))
        except ImageError as error:
            report.unreadable.append(str(error))
            continue
        if not found:
            report.empty.append(photograph)
        stem = "_".join(file.relative_to(source).parts).replace(".", "_")
        mouths += [_Mouth(one, photograph, f"{stem}_{n}") for n, one in enumerate(found)]
    return mouths


def _split(photographs: Sequence[str], seed: int) -> dict[str, list[str]]:
    """Photographs by split; those of one folder stay together."""
    groups: dict[str, list[str]] = {}
    for photograph in photographs:
        folder = PurePath(photograph).parent
        groups.setdefault(str(folder) if folder.name else photograph, []).append(photograph)
    if len(groups) < 3:
        raise DataError(
            f"{len(photographs)} photographs with a mouth, in {len(groups)} groups, are too few to "
            "split; it takes 3 or more, with faces that are large enough (those of one folder "
            "below the one given stay together)"
        )
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    wanted = {name: max(1.0, share * len(photographs)) for name, share in _SHARES.items()}
    names = list(groups)
    for index in np.random.default_rng(seed).permutation(len(names)):
        lacking = (split for split, count in wanted.items() if len(splits[split]) < count - 0.5)
        splits[next(lacking, "train")] += groups[names[index]]
    return {split: sorted(files) for split, files in splits.items()}


def _write(folder: Path, sample: Sample, copy: int) -> None:
    for half in ("input", "target"):
        write_image(folder / half / f"{sample['name']}_{copy}.png", sample[half])
