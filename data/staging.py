"""A folder that is either whole or not there."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.errors import DataError

REPLACEABLE = frozenset(  # what a prepared set consists of
    {"train", "val", "test", "low", "high", "samples", "left_out", "split.json"}
)
_SHARD = re.compile(r"shard-\d{6}\.tar(\.index\.npz)?")  # as data.prepare_shards calls them


@contextmanager
def staged_folder(output: Path, force: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `output`, renamed to `output` once the block has succeeded.

    Whatever goes wrong, an interruption included, leaves nothing of it behind.

    Args:
        output: the folder to appear; its parents are created.
        force: replace an `output` that exists and holds nothing but such a set.

    Raises:
        DataError: `output` exists, or its parent cannot be written.
    """
    check_free(output, force)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    except OSError as error:
        raise DataError(f"{output}: cannot be written: {error.strerror}") from error
    try:
        content = staging / output.name
        content.mkdir()
        yield content
        if output.exists():
            output.rename(staging / "replaced")
        content.rename(output)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_free(output: Path, force: bool) -> None:
    """Refuse an `output` that exists, unless `force` is given and it holds what such a set holds.

    Raises:
        DataError: naming it.
    """
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise DataError(f"{output}: is not a folder; choose another --output")
    if not output.is_dir():
        return
    entries = {path.name for path in output.iterdir()}
    if entries and not force:
        raise DataError(f"{output}: exists already; add --force to replace it, or --output FOLDER")
    if foreign := sorted(name for name in entries - REPLACEABLE if not _SHARD.fullmatch(name)):
        raise DataError(
            f"{output}: is not replaced, because it holds {foreign[0]!r}; "
            "remove it yourself or choose another --output"
        )


def check_source(source: Path, output: Path) -> None:
    """Refuse a `source` that is not there, or that would vanish when `output` is replaced.

    Raises:
        DataError: naming it.
    """
    if not source.exists():
        raise DataError(f"{source}: no such file or folder")
    if output.resolve() in source.resolve().parents:
        raise DataError(f"{source}: is inside {output}, which is to be written; move one of them")
