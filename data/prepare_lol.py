"""Lay out and check the LOL sets, or any dark and normal pictures that lie in two folders.

LOL-v1 has `our485/` and `eval15/`, each with `low/` and `high/`; LOL-v2 has two sets,
`Real_captured/` and `Synthetic/`, each with `Train/` and `Test/`, and in them `Low/` and `Normal/`,
where `low00001.png` and `normal00001.png` are a pair.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from data.archives import bring, files_in
from data.likeness import Gallery
from data.staging import check_source, staged_folder
from data.thumbnails import WHOLE, thumbnails_of
from utils.errors import DataError, ImageError, PellucidError, some
from utils.images import SUFFIXES, image_size

# What folders are called that hold a half, or a split, and what they become.
_HALVES = {"low": "low", "high": "high", "normal": "high"}
_SPLITS = {"our485": "train", "train": "train", "eval15": "test", "test": "test"}
_NUMBERED = re.compile(r"(?:low|normal|high)[-_]?(\d+)", re.IGNORECASE)

# Pairs that are published, by the name of a folder that tells the set.
EXPECTED_COUNTS = {
    "our485": {"train": 485, "test": 15},
    "real_captured": {"train": 689, "test": 100},
    "synthetic": {"train": 900, "test": 100},
}


@dataclass(frozen=True)
class LolReport:
    """What `prepare_lol` found.

    Attributes:
        counts: pairs by split, `train` and `test`; or by "", where there are no splits.
        alike: names of the test pairs that show the same as a training pair.
        warnings: what differs from the published set without making it useless.
    """

    counts: dict[str, int]
    alike: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class _File(NamedTuple):
    """A picture of a download: the folder or zip, and the path within."""

    source: Path
    path: PurePosixPath

    def __str__(self) -> str:
        return str(self.source / self.path)


_Halves = dict[str, dict[str, _File]]  # low and high, by the pair's name
_Pairs = dict[str, list[tuple[Path, Path]]]  # the input's and the target's place, by split


def prepare_lol(
    sources: Sequence[Path], output: Path, which: str | None = None, force: bool = False
) -> LolReport:
    """Bring low-light pairs to `output`, checked, both halves of a pair under one name.

    A set with splits becomes `train/low`, `train/high`, `test/low` and `test/high`; `low/` and
    `high/` alone stay so. Zips are unpacked, a folder's files hard-linked where the file system
    can, and a folder that already is `output` is checked in place. `output` appears only once
    every check has passed.

    Args:
        sources: zip files or folders that together hold the set, at any depth; of several, each
            may hold a split and be called as it.
        output: the folder to make.
        which: the folder that holds the set, where `sources` hold several.
        force: replace an `output` that is there.

    Raises:
        DataError: no such file, no set or several, a half without its partner, pictures of unequal
            sizes, an unreadable picture, inputs that are brighter than their targets; naming the
            file.
    """
    for source in sources:
        check_source(source, output)
    splits = _chosen(_sets(sources), which, some([str(source) for source in sources]))
    in_place = [source.resolve() for source in sources] == [output.resolve()]
    with nullcontext(output) if in_place else staged_folder(output, force) as folder:
        origins: dict[Path, _File] = {}
        pairs = {
            split: _placed(folder / split, halves, origins) for split, halves in splits.items()
        }
        if not in_place:
            for source in sources:
                wanted = {path: place for place, (of, path) in origins.items() if of == source}
                bring(source, wanted, "unpack" if source.is_file() else "link")
        elif any(folder / path != place for place, (_, path) in origins.items()):
            raise DataError(f"{output}: is laid out otherwise; choose another --output")
        try:
            alike = _check_pictures(pairs)
        except PellucidError as error:  # name the user's file, not the one about to vanish
            raise DataError(_in_users_words(str(error), origins)) from error
    counts = {split: len(own) for split, own in pairs.items()}
    return LolReport(counts, alike, _other_counts(counts, origins.values()))


def _sets(sources: Sequence[Path]) -> dict[PurePosixPath, dict[str, _Halves]]:
    """Whatever may be pairs, by the folder that holds a whole set, then by split."""
    sets: dict[PurePosixPath, dict[str, _Halves]] = {}
    for source in sources:
        for path in files_in(source):
            half = _HALVES.get(path.parent.name.lower())
            if half is None or path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
                continue
            place = path.parent.parent
            called = place.name or (source.resolve().stem if len(sources) > 1 else "")
            split = _SPLITS.get(called.lower(), "")
            splits = sets.setdefault(place.parent if split else place, {})
            files = splits.setdefault(split, {"low": {}, "high": {}})[half]
            name, file = _name(path), _File(source, path)
            if name in files:
                raise DataError(f"{file}: shares its name with {files[name]}; keep one")
            files[name] = file
    return sets


def _name(path: PurePosixPath) -> str:
    """What a pair is called: its number, where the two halves are called by what they are."""
    numbered = _NUMBERED.fullmatch(path.stem)
    return numbered.group(1) if numbered else path.stem


def _chosen(
    sets: Mapping[PurePosixPath, dict[str, _Halves]], which: str | None, told: str
) -> dict[str, _Halves]:
    """The splits of the one set that there is, or that `which` names."""
    if not sets:
        raise DataError(f"{told}: no folder low/ beside high/, or Low/ beside Normal/, in it")
    fitting = [
        splits
        for root, splits in sets.items()
        if which is None or which.lower() in (root.name.lower(), str(root).lower())
    ]
    if len(fitting) != 1:
        known = ", ".join(sorted(map(str, sets)))
        raise DataError(f"{told}: holds {len(sets)} sets; name one with --set: {known}")
    (splits,) = fitting
    if set(splits) not in ({""}, {"train", "test"}):
        held = ", ".join(sorted(split or "low/ and high/ beside them" for split in splits))
        raise DataError(
            f"{told}: has pairs in {held}; a set has train and test, or low/ and high/ alone"
        )
    return dict(sorted(splits.items(), reverse=True))


def _placed(folder: Path, halves: _Halves, origins: dict[Path, _File]) -> list[tuple[Path, Path]]:
    """The places of a split's pairs in its `folder`; `origins` is told what goes there.

    Raises:
        DataError: naming the pictures that have no other half.
    """
    for half, other in (("low", "high"), ("high", "low")):
        alone = [str(file) for name, file in halves[half].items() if name not in halves[other]]
        if alone:
            raise DataError(f"no {other} picture belongs to {some(alone)}")
    pairs = []
    for name in sorted(halves["low"]):
        files = {half: halves[half][name] for half in ("low", "high")}
        places = [
            folder / half / f"{name}{file.path.suffix.lower()}" for half, file in files.items()
        ]
        origins.update(zip(places, files.values(), strict=True))
        pairs.append((places[0], places[1]))
    return pairs


def _check_pictures(pairs: _Pairs) -> list[str]:
    """Look at every picture; the names of test pairs that show the same as a training pair.

    Raises:
        DataError: sizes that differ, or inputs that are brighter than their targets.
        ImageError: a picture cannot be read.
    """
    normal: dict[str, dict[Path, np.ndarray]] = {}
    for split, own in pairs.items():
        for low, high in own:
            (height, width), (its_height, its_width) = image_size(low), image_size(high)
            if (height, width) != (its_height, its_width):
                size = f"{its_width}x{its_height} pixels, not {width}x{height}"
                raise DataError(f"{high}: is {size} as its input {low}")
        seen = _look_at((file for pair in own for file in pair), f"read {split}".strip())
        lighter = [pair for pair in own if seen[pair[0]].mean() > seen[pair[1]].mean()]
        if 2 * len(lighter) > len(own):
            low, high = lighter[0]
            raise DataError(f"{low}: is brighter than {high}, as most are; swap low and high")
        normal[split] = {high: seen[high] for _, high in own}
    gallery = Gallery(normal.get("train", {}))
    return [file.stem for file, one in normal.get("test", {}).items() if any(gallery.likes_of(one))]


def _look_at(files: Iterable[Path], title: str) -> dict[Path, np.ndarray]:
    """A thumbnail of each file, all of which is decoded."""
    seen = {}
    for file, thumbnail in thumbnails_of(dict.fromkeys(files, WHOLE), title):
        if isinstance(thumbnail, ImageError):
            raise thumbnail
        if thumbnail is not None:
            seen[file] = thumbnail
    return seen


def _other_counts(counts: Mapping[str, int], files: Iterable[_File]) -> list[str]:
    """The splits that have not as many pairs as their set is published with."""
    folders = {part.lower() for file in files for part in file.path.parts}
    folders |= {file.source.resolve().stem.lower() for file in files}
    return [
        f"{split}/ has {counts[split]:,} pairs, the published set {expected:,}"
        for known, published in EXPECTED_COUNTS.items()
        if known in folders
        for split, expected in published.items()
        if counts.get(split, expected) != expected
    ]


def _in_users_words(message: str, origins: Mapping[Path, _File]) -> str:
    for place, file in origins.items():
        message = message.replace(str(place), str(file))
    return message
