"""Pairs for super-resolution from a folder of photographs, such as MIRFLICKR-25000.

Each photograph gives the largest square in its middle at 256x256 (`HR`) and the same at 64x64
(`LR`), both by MATLAB's bicubic, antialiased.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.archives import link_or_copy
from data.datasets.files import pictures_below
from data.staging import check_free
from utils.errors import DataError, ImageError
from utils.files import atomic_write_text
from utils.images import read_image, to_8_bit, write_image
from utils.resampling import resize_bicubic

SIDES = {"HR": 256, "LR": 64}  # pixels
PICTURES = 25_000  # of MIRFLICKR; of a larger folder so many are drawn
TRAIN_PAIRS, VAL_PAIRS = 12_500, 500  # of as many pictures; the others are for testing


@dataclass(frozen=True)
class MirflickrReport:
    """What `prepare_mirflickr` made.

    Attributes:
        names: the pairs of each split, `train`, `val` and `test`.
        unreadable: what is wrong with each picture that could not be read.
        small: pictures with a side below 256 pixels, left out.
        copies: pictures whose square equals an earlier one's, left out.
    """

    names: dict[str, list[str]]
    unreadable: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)


def prepare_mirflickr(
    source: Path, output: Path, seed: int = 0, force: bool = False
) -> MirflickrReport:
    """Write `train/`, `val/` and `test/`, each with `HR/` and `LR/`, and `split.json`.

    Of 25,000 pictures, 12,500 are to train and 500 to validate; of fewer, the same shares. Which,
    depends on the seed and the pictures' names alone, and `split.json` holds it. `output` appears
    only when it is complete. What an interrupted run has made stays in a hidden folder beside it,
    and the next run goes on from there.

    Args:
        source: a folder of photographs, in it or deeper.
        output: the folder to make.
        seed: of the split.
        force: replace an `output` that is there.

    Raises:
        DataError: no pictures, fewer than three usable ones, or an `output` that exists.
    """
    check_free(output, force)
    files = pictures_below(source)
    if len(files) > PICTURES:
        chosen = np.random.default_rng(seed).choice(len(files), PICTURES, replace=False)
        files = [files[index] for index in sorted(chosen)]
    work = output.parent / f".{output.name}-unfinished"
    try:
        pairs, report = _convert(files, _names(source, files), work / "pairs")
        report.names.update(_split(sorted(pairs), seed))
        _assemble(work / "set", work / "pairs", pairs, report, seed)
        if output.exists():
            shutil.rmtree(output)
        (work / "set").rename(output)
        shutil.rmtree(work)
    except OSError as error:
        raise DataError(f"{output}: cannot be written: {error.strerror or error}") from error
    return report


def make_pair(picture: np.ndarray) -> dict[str, np.ndarray]:
    """`HR` and `LR` of a picture, HWC uint8; the small one is made from the large one's 8 bits."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    high = _resized(square, SIDES["HR"])
    return {"HR": high, "LR": _resized(high, SIDES["LR"])}


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    resized = resize_bicubic(picture.astype(np.float32), side, side)
    return np.rint(resized.clip(0, 255)).astype(np.uint8)


def _names(source: Path, files: Sequence[Path]) -> list[str]:
    """A name for each file's pair, from where it lies; no two are alike."""
    names: dict[str, Path] = {}
    for file in files:
        name = "_".join(file.relative_to(source).with_suffix("").parts)
        while name in names:
            name += f"_{file.suffix[1:]}"
        names[name] = file
    return list(names)


def _convert(
    files: Sequence[Path], names: Sequence[str], pool: Path
) -> tuple[dict[str, str], MirflickrReport]:
    """Put the pair of each picture into `pool`, unless an earlier run has.

    Returns:
        by pair name, the name of its files in `pool`; and what was left out.
    """
    pairs: dict[str, str] = {}
    report = MirflickrReport({})
    seen: set[bytes] = set()
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # decoding leaves Python's lock alone
        made = threads.map(lambda file: _convert_one(file, pool), files)
        bar = tqdm(made, "convert", len(files), unit="picture", disable=None)
        try:
            for file, name, (pooled, problem) in zip(files, names, bar, strict=True):
                if problem:
                    report.unreadable.append(problem)
                elif pooled is None:
                    report.small.append(str(file))
                elif (digest := _digest(pool / "HR" / pooled)) in seen:
                    report.copies.append(str(file))
                else:
                    seen.add(digest)
                    pairs[name] = pooled
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return pairs, report


def _convert_one(file: Path, pool: Path) -> tuple[str | None, str]:
    """The name of the picture's files in `pool`, None where it is too small; what is wrong."""
    try:
        state = file.stat()
    except OSError as error:  # a link to a file that is gone
        return None, f"{file}: cannot be read: {error.strerror}"
    key = hashlib.blake2b(os.fsencode(file.resolve()), digest_size=16).hexdigest()
    pooled = f"{key}-{state.st_size}-{state.st_mtime_ns}.png"
    if (pool / "HR" / pooled).exists():  # it is written last
        return pooled, ""
    try:
        picture = read_image(file, channels=3)
    except ImageError as error:
        return None, str(error)
    if min(picture.shape[:2]) < SIDES["HR"]:
        return None, ""
    pair = make_pair(to_8_bit(picture))
    for kind in ("LR", "HR"):
        write_image(pool / kind / pooled, pair[kind])
    return pooled, ""


def _digest(file: Path) -> bytes:
    return hashlib.blake2b(file.read_bytes()).digest()


def _split(names: Sequence[str], seed: int) -> dict[str, list[str]]:
    """Which pairs are to train, to validate and to test."""
    if len(names) < 3:
        raise DataError(
            f"{len(names)} usable pictures are too few to split; it takes 3 or more, different and "
            f"with {SIDES['HR']} pixels or more on both sides"
        )
    train = max(1, len(names) * TRAIN_PAIRS // PICTURES)
    val = max(1, len(names) * VAL_PAIRS // PICTURES)
    order = [names[index] for index in np.random.default_rng(seed).permutation(len(names))]
    parts = {
        "train": order[:train],
        "val": order[train : train + val],
        "test": order[train + val :],
    }
    return {split: sorted(part) for split, part in parts.items()}


def _assemble(
    folder: Path, pool: Path, pairs: dict[str, str], report: MirflickrReport, seed: int
) -> None:
    """Link the pairs of `pool` into the splits' folders and write down the split."""
    shutil.rmtree(folder, ignore_errors=True)
    for split, names in report.names.items():
        for kind in SIDES:
            place = folder / split / kind
            place.mkdir(parents=True)
            for name in names:
                link_or_copy(pool / kind / pairs[name], place / f"{name}.png")
    facts = {
        "seed": seed,
        **report.names,
        "left_out": {
            "unreadable": report.unreadable,
            "small": report.small,
            "copies": report.copies,
        },
    }
    atomic_write_text(folder / "split.json", json.dumps(facts, indent=1) + "\n")
