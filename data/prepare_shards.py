"""Pack picture files into tar files, as WebDataset lays them out."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from data.datasets.clean import CleanFolder
from data.datasets.paired import PairedFolders
from data.datasets.pairs import Pair
from data.staging import check_source, staged_folder
from data.tar_index import index_of
from utils.errors import DataError, some
from utils.files import refusals_named

Sample = tuple[str, dict[str, Path]]  # a name; member suffixes and files


def pack_shards(
    source: Path,
    output: Path,
    inputs: Path | None = None,
    template: str = "{}",
    shard_bytes: float = 500e6,
    force: bool = False,
) -> int:
    """Pack clean pictures, or pairs, into `output/shard-000000.tar` and so on, with their indices.

    Files go in byte for byte and in the order of their names, so that the same files give the same
    shards. `output` appears once all is packed.

    Args:
        source: a folder of clean pictures; with `inputs`, of targets.
        output: the folder to make.
        inputs: a folder of the inputs, for pairs.
        template: an input's name, made from its target's, as in `PairedFolders`.
        shard_bytes: a shard that has grown to this size is followed by another.
        force: replace an `output` that is there.

    Returns:
        How many samples were packed.

    Raises:
        DataError: a folder is missing or empty, a half has no partner, or two names become one.
        PellucidError: the file system refuses.
    """
    check_source(source, output)
    samples = _samples(source, inputs, template)
    with staged_folder(output, force) as folder, refusals_named(output):
        bar = iter(tqdm(samples, "packing", unit="sample", disable=None))
        number = 0
        sample = next(bar, None)
        while sample is not None:
            path = folder / f"shard-{number:06d}.tar"
            with tarfile.open(path, "w") as tar:
                while sample is not None and tar.offset < shard_bytes:
                    _add(tar, *sample)
                    sample = next(bar, None)
            index_of(path)
            number += 1
    return len(samples)


def _samples(source: Path, inputs: Path | None, template: str) -> list[Sample]:
    if inputs is None:
        clean = CleanFolder(str(source), channels=3, split="shards")
        problems = clean.problems
        samples = [(file.stem, {file.suffix: file}) for file in clean.files]
    else:
        pairs = PairedFolders(str(inputs), str(source), template, channels=3, split="shards")
        problems = pairs.problems
        samples = [(pair.name, _members(pair)) for pair in pairs.pairs]
    if problems:
        raise DataError(some([f"{file}: {what}" for file, what in problems], "; "))
    return list(_named(samples))


def _members(pair: Pair) -> dict[str, Path]:
    halves = {"input": pair.input, "target": pair.target}
    return {f".{half}{file.suffix}": file for half, file in halves.items()}


def _named(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Names without dots: WebDataset takes what follows the first for a file's kind."""
    taken: dict[str, str] = {}
    for name, members in samples:
        plain = name.replace(".", "_")
        other = taken.setdefault(plain, name)
        if other != name:
            raise DataError(f"{name} and {other} would both be called {plain}; rename one")
        yield plain, members


def _add(tar: tarfile.TarFile, name: str, members: dict[str, Path]) -> None:
    for suffix, file in members.items():
        data = file.read_bytes()
        header = tarfile.TarInfo(name + suffix.lower())  # without owner and time
        header.size = len(data)
        tar.addfile(header, io.BytesIO(data))
