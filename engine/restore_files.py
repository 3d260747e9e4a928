"""Restoring files: which are meant, where each result goes, and one after the other."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine.restore_large import restore_large
from engine.restore_options import DEFAULTS, RestoreOptions, RestoresPictures
from engine.restore_video import restore_video
from engine.restorer import Restorer
from engine.video import VIDEO_SUFFIXES
from utils.errors import ImageError, PellucidError
from utils.files import atomic_write_bytes
from utils.images import (
    SUFFIXES,
    check_sides,
    list_images,
    read_image,
    to_8_bit,
    write_image,
)
from utils.logging import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class Job:
    """One picture or video to restore: where it is and where the result goes."""

    source: Path
    output: Path

    @property
    def is_video(self) -> bool:
        """Whether it is a video, by its suffix."""
        return is_video(self.source)


def plan(inputs: Sequence[str], output: Path, force: bool = False) -> list[Job]:
    """Find the pictures and videos and the place of each result; nothing is read or written.

    Args:
        inputs: files, folders (what lies in them, not in folders below) and glob patterns.
        output: a folder, where each result has its input's name; or a file, by its suffix, for a
            single picture or video.
        force: let results replace files that are there.

    Raises:
        ImageError: an input that is not there or holds nothing to restore, two results of one
            name, several inputs for one file, a video for a picture's file or the other way
            round, or a result that exists while `force` is off.
    """
    sources = find_files(inputs)
    is_file = is_known(output) and not output.is_dir()
    if is_file and len(sources) > 1:
        raise ImageError(
            f"{output}: is one file, but there are {len(sources)} pictures; name a folder"
        )
    if is_file and is_video(sources[0]) != is_video(output):
        kinds = ("video", "picture") if is_video(sources[0]) else ("picture", "video")
        raise ImageError(f"{sources[0]}: a {kinds[0]} cannot become a {kinds[1]}, {output.name}")
    if output.exists() and not is_file and not output.is_dir():
        raise ImageError(f"{output}: is a file, not a folder or a picture")
    jobs = [Job(source, output if is_file else output / source.name) for source in sources]
    _refuse_collisions(jobs)
    if not force:
        _refuse_overwriting(jobs)
    return jobs


def find_files(inputs: Sequence[str]) -> list[Path]:
    """The pictures and videos that files, folders and glob patterns mean, each once.

    Raises:
        ImageError: an input that is not there or holds none.
    """
    return list({path.resolve(): path for word in inputs for path in _find(word)}.values())


def restore_files(
    restorer: RestoresPictures, jobs: Sequence[Job], options: RestoreOptions = DEFAULTS
) -> None:
    """Restore every job's file; one that fails is reported and does not stop the others.

    A progress bar is shown on a terminal only.

    Raises:
        PellucidError: after all others are done, naming each file that failed and why.
    """
    failed: list[PellucidError] = []
    for job in tqdm(jobs, desc="restoring", unit="file", disable=None):
        try:
            restore_job(restorer, job, options)
        except PellucidError as error:
            failed.append(error)
            if len(jobs) > 1:
                _log.warning("%s", error)
    if failed and len(jobs) == 1:
        raise failed[0]
    if failed:
        reasons = "; ".join(str(error) for error in failed)
        raise ImageError(f"{len(failed)} of {len(jobs)} files were not restored: {reasons}")


def restore_job(restorer: RestoresPictures, job: Job, options: RestoreOptions = DEFAULTS) -> None:
    """Restore one picture or video, whichever it is, from file to file.

    Raises:
        PellucidError: it cannot be read, restored or written.
    """
    if job.is_video:
        restore_video(restorer, job.source, job.output, options)
    else:
        restore_file(restorer, job, options)


def restore_file(restorer: RestoresPictures, job: Job, options: RestoreOptions = DEFAULTS) -> None:
    """Restore one picture from file to file, at its own depth, upright, transparency kept.

    A picture that the restorer leaves as it is keeps its file's bytes, where the format stays. A
    format that holds less (JPEG: 8 bit, no transparency) takes what it can hold, and a lost
    transparency is reported. Of a large picture that is restored in tiles only a few rows are in
    memory at any time, as far as the formats let it.

    Raises:
        PellucidError: the picture cannot be read, restored or written.
    """
    if isinstance(restorer, Restorer) and restore_large(restorer, job.source, job.output, options):
        return
    image = read_image(job.source, keep_alpha=True)
    suffix = job.output.suffix.lower()
    if image.shape[2] == 4 and suffix in (".jpg", ".jpeg", ".bmp"):
        _log.warning("%s: %s holds no transparency; it is left out", job.output, suffix)
        image = image[..., :3]
    if isinstance(restorer, Restorer):
        height, width, _ = image.shape
        size = options.size_of(height, width, restorer.descriptor.scale, str(job.source))
        check_sides(*size, suffix, str(job.output))
    restored = restorer.restore(image, str(job.source), options)
    if restored is image and job.source.suffix.lower() == suffix:  # untouched: to the very byte
        atomic_write_bytes(job.output, job.source.read_bytes())
        return
    if restored.dtype == np.uint16 and suffix not in (".png", ".tif", ".tiff"):
        restored = to_8_bit(restored)
    write_image(job.output, restored)


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its suffix."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_known(path: Path) -> bool:
    """Whether a file is a picture or a video, by its suffix."""
    return path.suffix.lower() in SUFFIXES or is_video(path)


def _find(word: str) -> list[Path]:
    """The pictures and videos that one word of the command line means."""
    known = " ".join((*SUFFIXES, *VIDEO_SUFFIXES))
    path = Path(word)
    if path.is_dir():
        found = sorted(list_images(path) + _list_videos(path))
        if not found:
            raise ImageError(f"{word}: holds no pictures or videos ({known})")
        return found
    if path.exists():  # before patterns: a file may well be called scan[1].png
        if not is_known(path):
            raise ImageError(f"{word}: is not a picture or video by its suffix ({known})")
        return [path]
    if not glob.has_magic(word):
        raise ImageError(f"{word}: there is no such file or folder")
    matches = (Path(match) for match in sorted(glob.glob(word, recursive=True)))
    found = [path for path in matches if is_known(path) and path.is_file()]
    if not found:
        raise ImageError(f"{word}: no picture or video matches this pattern")
    return found


def _list_videos(folder: Path) -> list[Path]:
    inside = folder.iterdir()
    return [p for p in inside if is_video(p) and not p.name.startswith(".") and p.is_file()]


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    taken: dict[Path, Path] = {}
    for job in jobs:
        other = taken.setdefault(job.output, job.source)
        if other != job.source:
            raise ImageError(
                f"{other} and {job.source} would both be written to {job.output}; "
                "restore them into different folders"
            )


def _refuse_overwriting(jobs: Sequence[Job]) -> None:
    there = [job.output for job in jobs if job.output.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise ImageError(f"{there[0]}{more}: already there; use --force to replace")
