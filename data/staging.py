"""A folder that is either whole or not there."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.errors import DataError


@contextmanager
def staged_folder(output: Path, force: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `output`, renamed to `output` once the block has succeeded.

    Whatever goes wrong, an interruption included, leaves nothing of it behind.

    Args:
        output: the folder to appear; its parents are created.
        force: replace an `output` that exists; else that is an error.

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
    """Refuse an `output` that exists, unless it is a folder and `force` is given.

    Raises:
        DataError: naming it.
    """
    if output.is_dir() and any(output.iterdir()) and not force:
        raise DataError(
            f"{output}: exists already; add --force to replace it, or --output ELSEWHERE"
        )
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise DataError(f"{output}: is not a folder; choose another --output")
