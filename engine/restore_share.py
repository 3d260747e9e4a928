"""Restoring a folder of any size: by several processes, and on from where it was left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from engine.manifest import MOST_DEATHS, Manifest
from engine.restore_files import Job, is_known, is_video, restore_job
from engine.restore_options import RestoreOptions, RestoresPictures
from utils.errors import ConfigError, DataError, ImageError
from utils.files import remove_leftovers
from utils.logging import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class Tree:
    """A folder whose pictures and videos are restored, with the folders below it.

    Attributes:
        source: the folder.
        output: where the results go, each at its input's place.
        force: let results replace files that are there.
        videos: take videos too.

    Raises:
        ConfigError: the source is no folder, or the results would come to lie in it.
    """

    source: Path
    output: Path
    force: bool = False
    videos: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not self.source.is_dir():
            raise ConfigError(f"{self.source}: is no folder; --manifest is of a folder")
        source, output = self.source.resolve(), self.output.resolve()
        if output == source or source in output.parents:
            raise ConfigError(
                f"{self.output}: is inside {self.source}, where results would be restored again; "
                "name another folder"
            )

    def names(self) -> Iterator[str]:
        """The files to restore, as paths within the folder, in no order; hidden ones are not.

        Raises:
            DataError: a folder cannot be read.
        """
        folders = [""]
        while folders:
            place = folders.pop()
            for entry in _entries(self.source / place):
                name = f"{place}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{name}/")
                elif is_known(Path(name)) and (self.videos or not is_video(Path(name))):
                    yield name

    def remove_leftovers(self) -> None:
        """Remove what killed processes left of results; only while nobody is writing any."""
        for folder, _, _ in os.walk(self.output):
            remove_leftovers(Path(folder))

    def job(self, name: str) -> Job:
        """Where a file is and where its result goes."""
        return Job(self.source / name, self.output / name)


@dataclass
class Tally:
    """What became of a share's files.

    Attributes:
        before: finished by earlier runs.
        restored: now.
        failed: now; the manifest says why.
        seconds: that it took.
    """

    before: int = 0
    restored: int = 0
    failed: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """In words."""
        pace = (self.restored + self.failed) / max(self.seconds, 1e-9)
        return (
            f"{self.restored:,} restored, {self.failed:,} failed, {self.before:,} finished before; "
            f"{pace:.2f} files/s"
        )


def restore_share(
    restorer: RestoresPictures,
    tree: Tree,
    manifest: Manifest,
    options: RestoreOptions,
) -> Tally:
    """Restore the files of one share that are not finished, and record each.

    A file that cannot be read or restored, for which memory does not suffice, or amid which several
    processes have died, is recorded as failed and passed by. The first share shows a progress bar
    on a terminal.

    Raises:
        DataError: a folder cannot be read.
        PellucidError: a result or the manifest cannot be written (no space, no permission); what
            is done is recorded, and a later run goes on from there.
    """
    tally, began = Tally(), time.perf_counter()
    share = manifest.share
    shown = None if share.number == 0 else True  # None: on a terminal
    total = sum(map(share.has, tree.names()))
    names = filter(share.has, tree.names())
    for name in tqdm(names, "restoring", total, unit="file", disable=shown):
        job = tree.job(name)
        if manifest.has_failed(name) or (manifest.is_restored(name) and job.output.exists()):
            tally.before += 1
        elif _restore_recorded(restorer, job, name, manifest, tree.force, options):
            tally.restored += 1
        else:
            tally.failed += 1
    if manifest.left_unfinished and manifest.is_alone():
        tree.remove_leftovers()
    tally.seconds = time.perf_counter() - began
    return tally


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, but for hidden things."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error


def _restore_recorded(
    restorer: RestoresPictures,
    job: Job,
    name: str,
    manifest: Manifest,
    force: bool,
    options: RestoreOptions,
) -> bool:
    """Restore one file; whether it was."""
    began = time.perf_counter()
    deaths = manifest.deaths(name)
    try:
        if deaths >= MOST_DEATHS:
            raise ImageError(f"{job.source}: {deaths} processes ended amid it; was memory short?")
        if job.output.exists() and not (force or deaths):
            raise ImageError(f"{job.output}: already there; use --force to replace")
        manifest.begin(name)
        restore_job(restorer, job, options)
    except (ImageError, MemoryError) as error:
        reason = str(error) or f"{job.source}: does not fit into memory"
        _log.warning("%s", reason)
        manifest.failed(name, reason)
        return False
    manifest.restored(name, time.perf_counter() - began)
    return True
