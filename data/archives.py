"""Files of a download, be it a folder or a zip of one."""

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from utils.errors import DataError


def files_in(source: Path) -> list[PurePosixPath]:
    """The files of a folder or a zip, at any depth, as paths within it, sorted.

    Raises:
        DataError: it is neither a folder nor a zip, is damaged, or would unpack to places outside.
    """
    if source.is_dir():
        found = (path for path in source.rglob("*") if not path.is_dir())
        return sorted(PurePosixPath(path.relative_to(source).as_posix()) for path in found)
    with _opened(source) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        for info in members:
            _refuse_unsafe(source, info)
        return sorted(PurePosixPath(info.filename) for info in members)


def bring(source: Path, wanted: Mapping[PurePosixPath, Path], title: str) -> None:
    """Put files of a folder or a zip in their places.

    Those of a folder are linked where the file system can. A zip's own paths are never used.

    Args:
        source: the folder or the zip.
        wanted: paths as `files_in` gives them, and where each shall be; missing folders are made.
        title: what the progress bar says.

    Raises:
        DataError: the zip is damaged, or there is no room for what it holds.
    """
    for folder in {place.parent for place in wanted.values()}:
        folder.mkdir(parents=True, exist_ok=True)
    bar = tqdm(wanted.items(), desc=title, unit="file", disable=None)
    if source.is_dir():
        for name, place in bar:
            link_or_copy(source / name, place)
        return
    with _opened(source) as archive:
        members = {PurePosixPath(info.filename): info for info in archive.infolist()}
        _check_space(source, wanted, sum(members[name].file_size for name in wanted))
        for name, place in bar:
            with archive.open(members[name]) as packed, place.open("wb") as file:
                shutil.copyfileobj(packed, file)


def link_or_copy(source: Path, place: Path) -> None:
    """Make `place` another name of the file `source`, or a copy where it can have no other."""
    try:
        os.link(source.resolve(), place)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, place)


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    """A zip to read from; whatever shows that it is damaged is said of `source`."""
    if not zipfile.is_zipfile(source):
        raise DataError(f"{source}: is neither a folder nor a zip file; was it downloaded whole?")
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{source}: cannot be unpacked: {error}; download it again") from error


def _refuse_unsafe(source: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename.replace("\\", "/")
    absolute = name.startswith("/") or name[1:2] == ":"
    if absolute or ".." in name.split("/") or stat.S_ISLNK(info.external_attr >> 16):
        raise DataError(f"{source}: {info.filename!r} points out of the zip file; nothing unpacked")


def _check_space(source: Path, wanted: Mapping[PurePosixPath, Path], needed: int) -> None:
    if not wanted:
        return
    folder = next(iter(wanted.values())).parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{source}: unpacks to {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free"
        )
