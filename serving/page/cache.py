"""The folder in which Gradio keeps uploads, samples and results for a while."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from gradio.processing_utils import save_bytes_to_cache

from serving.errors import Unavailable
from utils.errors import ConfigError

VARIABLE = "GRADIO_TEMP_DIR"  # where Gradio looks, and a user says, which folder it is


class Cache:
    """The folder, bounded in size.

    It is what the environment names as GRADIO_TEMP_DIR; else a new one in the system's temporary
    folder (TMPDIR), which goes when the process ends.

    Args:
        age: seconds after which a rest is deleted that Gradio does not know of any more.
        room: bytes beyond which nothing more is kept.

    Raises:
        ConfigError: it cannot be written to.
    """

    def __init__(self, age: float, room: int) -> None:
        self._age = age
        self._room = room
        named = os.environ.get(VARIABLE)
        try:
            if named:
                self.folder = Path(named)
                self.folder.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=self.folder).close()
            else:
                self.folder = Path(tempfile.mkdtemp(prefix="pellucid-page-"))
                atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
                os.environ[VARIABLE] = str(self.folder)
        except OSError as error:
            raise ConfigError(
                f"{named or 'the temporary folder'}: the page cannot keep uploads there "
                f"({error.strerror}); name a folder that can be written to in {VARIABLE}"
            ) from error

    def keep(self, data: bytes, name: str) -> str:
        """Keep a file for a visitor to download; where it is.

        Raises:
            Unavailable: there is no room.
        """
        if not self.has_room(len(data)):
            raise Unavailable("there is no room for the result now; try again later")
        return save_bytes_to_cache(data, name, str(self.folder))

    def has_room(self, size: int) -> bool:
        """Whether a file of `size` bytes may be kept, and fits on the disk.

        Rests of uploads that broke off are deleted first.
        """
        self._tidy(time.time() - self._age)
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(FileNotFoundError):  # Gradio deletes, too
                total += path.lstat().st_size
        return total <= self._room and size <= shutil.disk_usage(self.folder).free

    def _tidy(self, before: float) -> None:
        """Delete what is no finished upload, and folders that are empty by now."""
        for path in self.folder.iterdir():
            with suppress(OSError):  # gone by now, or a folder that holds something
                if path.lstat().st_mtime < before:
                    path.rmdir() if path.is_dir() else path.unlink()
