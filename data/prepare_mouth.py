"""Pairs of blurred and sharp mouths from photographs of faces."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.datasets.files import pictures_below
from data.samples import Sample, Samples
from data.staging import staged_folder
from utils.errors import DataError, ImageError
from utils.files import atomic_write_text
from utils.images import read_image, to_8_bit, write_image

_SHARES = (0.1, 0.25)  # of the photographs, to validate and to test; the others are to train
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

    All mouths of a photograph are in one split: a tenth of the photographs is to validate, a
    quarter to test. There, each mouth is blurred four times, so that few faces still tell much.
    Which split a photograph is in and what blurs a mouth depends on the seed and the files' names
    alone. `output` appears only when it is complete.

    Args:
        source: a folder of photographs, in it or deeper.
        output: the folder to make.
        find: the mouths of a picture, HWC uint8 RGB, as pictures of one size.
        degradations: what makes an input of a target, in order.
        seed: of the split and of what blurs.
        force: replace an `output` that is there.

    Raises:
        DataError: no pictures, fewer than three with a mouth, or an `output` that exists.
    """
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
    count = len(photographs)
    if count < 3:
        raise DataError(
            f"{count} photographs with a mouth are too few to split; it takes 3 or more, with "
            "faces that are large enough"
        )
    order = [photographs[index] for index in np.random.default_rng(seed).permutation(count)]
    val, test = (max(1, round(share * count)) for share in _SHARES)
    return {
        "train": sorted(order[val + test :]),
        "val": sorted(order[:val]),
        "test": sorted(order[val : val + test]),
    }


def _write(folder: Path, sample: Sample, copy: int) -> None:
    for half in ("input", "target"):
        write_image(folder / half / f"{sample['name']}_{copy}.png", sample[half])
