"""Unpack and check the real SD1 set.

SD1 is a folder (or a zip of one) with `train/` and `val/`, each full of 1536x512 PNG files that
hold three 512x512 panels side by side: truth | glare | mask.
"""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

import numpy as np
from tqdm import tqdm

from data.archives import bring, files_in
from data.staging import check_source, staged_folder
from utils.errors import DataError, PellucidError
from utils.images import image_size, read_image

SPLITS = ("train", "val")
EXPECTED_COUNTS = {"train": 12_000, "val": 650}
SIDE = 512  # pixels of a panel
SIZE = (SIDE, 3 * SIDE)  # (height, width) of a stitched picture
LEFT_OUT = "left_out"  # where training pictures go that validation shows too
_ORDER_SAMPLE = 64  # pictures of a split whose panel order is looked at
_TWO_VALUED = 0.5  # share of near-black and near-white pixels a mask has at least


@dataclass(frozen=True)
class Sd1Report:
    """What `prepare_sd1` found.

    Attributes:
        counts: pictures by split, as they are now in the output folder.
        left_out: names of the training pictures that validation shows too, moved to `left_out/`.
        same_name: how many of them share a file name with a validation picture.
        same_truth: how many of them share a truth panel, byte for byte.
        warnings: what differs from the published set without making it useless.
    """

    counts: dict[str, int]
    left_out: list[str]
    same_name: int
    same_truth: int
    warnings: list[str] = field(default_factory=list)


def prepare_sd1(source: Path, output: Path, force: bool = False) -> Sd1Report:
    """Bring SD1 to `output` as `train/` and `val/`, checked.

    A zip is unpacked. A folder's files are hard-linked where the file system can, else copied; a
    folder that already is `output` is checked in place. `output` appears only once every check
    has passed. Training pictures that share a file name or a truth panel with validation go to
    `left_out/`, so that the validation set stays whole and nothing is lost.

    Args:
        source: a zip file or a folder, with `train/` and `val/` at any one depth.
        output: the folder to make.
        force: replace an `output` that is there.

    Raises:
        DataError: no such file, no `train/` and `val/`, an unsafe zip, a wrong picture size or
            panel order, an unreadable picture; naming the file.
    """
    in_place = source.is_dir() and source.resolve() == output.resolve()
    check_source(source, output)
    with nullcontext(output) if in_place else staged_folder(output, force) as folder:
        if not in_place:
            _bring(source, folder)
        try:
            return _check_and_separate(folder)
        except PellucidError as error:  # name the user's file, not the one about to vanish
            raise DataError(str(error).replace(str(folder), str(source))) from error


def _bring(source: Path, folder: Path) -> None:
    """Take the pictures, and nothing else, out of `source`."""
    names = files_in(source)
    root = _split_root(source, names)
    wanted = {
        name: folder / name.parent.name / name.name
        for name in names
        if name.parent in {root / split for split in SPLITS} and _is_picture(name)
    }
    bring(source, wanted, "unpack" if source.is_file() else "link")


def _split_root(source: Path, names: Iterable[PurePosixPath]) -> PurePosixPath:
    """The one folder that has pictures in both `train/` and `val/`."""
    splits: dict[PurePosixPath, set[str]] = {}
    for name in names:
        if name.parent.name in SPLITS and _is_picture(name):
            splits.setdefault(name.parent.parent, set()).add(name.parent.name)
    roots = [root for root, found in splits.items() if len(found) == len(SPLITS)]
    if not roots:
        raise DataError(f"{source}: no folder in it has PNG files in both train/ and val/")
    if len(roots) > 1:
        shown = ", ".join(sorted(map(str, roots))[:3])
        raise DataError(f"{source}: train/ and val/ stand in several places ({shown}); name one")
    return roots[0]


def _is_picture(name: PurePath) -> bool:
    return name.suffix.lower() == ".png" and not name.name.startswith(".")


def _check_and_separate(folder: Path) -> Sd1Report:
    files = {split: _pictures(folder, split) for split in SPLITS}
    warnings = [
        f"{split}/ has {len(files[split]):,} pictures, the published set {expected:,}"
        for split, expected in EXPECTED_COUNTS.items()
        if len(files[split]) != expected
    ]
    for split, paths in files.items():
        _check_sizes(split, paths)
    truths = {split: _check_pictures(split, paths) for split, paths in files.items()}

    val_names = {path.name for path in files["val"]}
    val_truths = set(truths["val"])
    same_name = {path for path in files["train"] if path.name in val_names}
    same_truth = {
        path
        for path, truth in zip(files["train"], truths["train"], strict=True)
        if truth in val_truths
    }
    left_out = sorted(same_name | same_truth)
    if len(left_out) == len(files["train"]):
        raise DataError(f"{folder}: every training picture is a validation picture too")
    for path in left_out:
        (folder / LEFT_OUT).mkdir(exist_ok=True)
        path.rename(folder / LEFT_OUT / path.name)
    return Sd1Report(
        counts={"train": len(files["train"]) - len(left_out), "val": len(files["val"])},
        left_out=[path.name for path in left_out],
        same_name=len(same_name),
        same_truth=len(same_truth),
        warnings=warnings,
    )


def _pictures(folder: Path, split: str) -> list[Path]:
    place = folder / split
    files = sorted(filter(_is_picture, place.iterdir())) if place.is_dir() else []
    if not files:
        raise DataError(f"{folder / split}: has no PNG files")
    return files


def _check_sizes(split: str, files: list[Path]) -> None:
    for path in tqdm(files, desc=f"sizes {split}", unit="picture", disable=None):
        height, width = image_size(path)
        if (height, width) != SIZE:
            raise DataError(
                f"{path}: is {width}x{height} pixels, not {SIZE[1]}x{SIZE[0]} "
                f"(three {SIDE}x{SIDE} panels)"
            )


def _check_pictures(split: str, files: list[Path]) -> list[bytes]:
    """Decode every picture, look at the panel order of some; the digests of the truth panels."""
    step = max(1, len(files) // _ORDER_SAMPLE)
    sample = set(files[::step])

    def truth_digest(path: Path) -> bytes:
        picture = read_image(path, channels=3)
        if path in sample:
            check_panel_order(path, picture)
        return hashlib.blake2b(picture[:, :SIDE].tobytes()).digest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding leaves Python's lock alone
        digests = pool.map(truth_digest, files)
        bar = tqdm(digests, f"read {split}", len(files), unit="picture", disable=None)
        try:
            return list(bar)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def check_panel_order(path: Path, picture: np.ndarray) -> None:
    """Make sure that a stitched picture holds truth | glare | mask.

    Glare only adds light, so the second panel is the brighter; a mask is black and white, or at
    least more so than the other two.

    Args:
        path: names the picture in an error.
        picture: 512x1536 RGB uint8.

    Raises:
        DataError: the order is another one.
    """
    panels = [picture[:, start : start + SIDE] for start in range(0, 3 * SIDE, SIDE)]
    two_valued = [float(((panel < 32) | (panel > 223)).mean()) for panel in panels]
    if two_valued[2] < _TWO_VALUED and two_valued[2] < max(two_valued):
        raise DataError(f"{path}: its third panel is no mask; expected truth | glare | mask")
    if panels[1].mean() <= panels[0].mean():
        raise DataError(
            f"{path}: its second panel is no brighter than its first; expected truth | glare | mask"
        )
