"""Large pictures: from file to file in tiles, with a few of their rows in memory at any time."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from utils.files import atomic_path
from utils.image_rows import ROW_SUFFIXES, RowWriter, is_named_in_text, opened_rows


def restore_large(restorer: Restorer, source: Path, output: Path, options: RestoreOptions) -> bool:
    """Restore a picture that goes in tiles anyhow: what `Restorer.restore` gives, to the bit.

    Returns:
        Whether it was done. Nothing is done where the picture is restored whole, where the options
        need all of it, or where one of the files cannot be read or written row by row.

    Raises:
        PellucidError: the picture cannot be read, restored or written.
    """
    if output.suffix.lower() not in ROW_SUFFIXES or not is_named_in_text(output):
        return False
    with opened_rows(source) as rows:
        if rows is None or not restorer.goes_in_parts(rows, str(source), options):
            return False
        with atomic_path(output) as temporary, ExitStack() as open_files:

            def new_file(shape: tuple[int, ...]) -> RowWriter:
                open_files.close()  # the one amid which memory ran out
                file = RowWriter(temporary, str(output), shape, rows.dtype)
                open_files.callback(file.close)
                return file

            restorer.restore_into(rows, new_file, str(source), options).finish()
    return True
