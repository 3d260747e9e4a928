"""Unpack and check the real SD1 set.

SD1 is a folder (or a zip of one) with `train/` and `val/`, each full of 1536x512 PNG files that
hold three 512x512 panels side by side: truth | glare | mask.
"""

import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

import numpy as np
from tqdm import tqdm

from data.staging import check_free, staged_folder
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
    if not source.exists():
        raise DataError(f"{source}: no such file or folder")
    in_place = source.is_dir() and source.resolve() == output.resolve()
    if output.resolve() in source.resolve().parents:
        raise DataError(f"{source}: is inside {output}, which is to be written; move one of them")
    if not in_place:
        check_free(output, force)
    with nullcontext(output) if in_place else staged_folder(output, force) as folder:
        if not in_place:
            _bring(source, folder)
        try:
            return _check_and_separate(folder)
        except PellucidError as error:  # name the user's file, not the one about to vanish
            raise DataError(str(error).replace(str(folder), str(source))) from error


def _bring(source: Path, folder: Path) -> None:
    if source.is_dir():
        root = _split_root(
            source, (PurePosixPath(p.relative_to(source).as_posix()) for p in source.rglob("*"))
        )
        _link(source / root, folder)
    elif zipfile.is_zipfile(source):
        _unpack(source, folder)
    else:
        raise DataError(f"{source}: is neither a folder nor a zip file; was it downloaded whole?")


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


def _link(root: Path, folder: Path) -> None:
    for split in SPLITS:
        (folder / split).mkdir()
        files = sorted(filter(_is_picture, (root / split).iterdir()))
        for path in tqdm(files, desc=f"link {split}", unit="picture", disable=None):
            destination = folder / split / path.name
            try:
                os.link(path.resolve(), destination)
            except OSError:  # another file system, or one without links
                shutil.copyfile(path, destination)


def _unpack(source: Path, folder: Path) -> None:
    """Take the pictures, and nothing else, out of a zip; the member's own path is never used."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            for info in members:
                _refuse_unsafe(source, info)
            names = {PurePosixPath(info.filename): info for info in members}
            root = _split_root(source, names)
            folders = {root / split for split in SPLITS}
            wanted = {
                name: info
                for name, info in names.items()
                if name.parent in folders and _is_picture(name)
            }
            _check_space(source, folder, sum(info.file_size for info in wanted.values()))
            for split in SPLITS:
                (folder / split).mkdir()
            for name, info in tqdm(wanted.items(), desc="unpack", unit="picture", disable=None):
                with (
                    archive.open(info) as packed,
                    (folder / name.parent.name / name.name).open("wb") as file,
                ):
                    shutil.copyfileobj(packed, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{source}: cannot be unpacked: {error}; download it again") from error


def _refuse_unsafe(source: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename.replace("\\", "/")
    absolute = name.startswith("/") or name[1:2] == ":"
    if absolute or ".." in name.split("/") or stat.S_ISLNK(info.external_attr >> 16):
        raise DataError(f"{source}: {info.filename!r} points out of the zip file; nothing unpacked")


def _check_space(source: Path, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{source}: unpacks to {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free "
            f"for {folder.parent}"
        )


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
