"""Which training files a run has skipped because they could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from data.samples import too_many_unreadable
from utils.distributed import gather, is_main
from utils.logging import get_logger

_log = get_logger(__name__)


class UnreadableFiles:
    """Counts different files, over all epochs and resumptions of a run.

    Args:
        allowed: DATA.MAX_UNREADABLE.
    """

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.files: list[str] = []

    def note(self, files: Iterable[str]) -> None:
        """Take down what a batch was made without; a file that is new is logged.

        Raises:
            DataError: there are more than allowed.
        """
        for file in self._add(files):
            _log.warning("%s cannot be read; training goes on without it", file)
        self._refuse_too_many()

    def join(self) -> None:
        """Take down, on the main process, what the other processes have skipped and logged.

        Every process must call this at the same point.

        Raises:
            DataError: there are more than allowed.
        """
        for files in gather(self.files):
            self._add(files)
        self._refuse_too_many()

    def tell(self) -> None:
        """Name all files at the end of a run, once; say nothing where there are none."""
        if self.files and is_main():
            told = "\n".join(f"  {file}" for file in self.files)
            _log.warning("trained without %d unreadable file(s):\n%s", len(self.files), told)

    def state_dict(self) -> dict[str, Any]:
        """Plain Python, for a checkpoint."""
        return {"files": list(self.files)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on counting where `state` was taken."""
        self.files = list(state["files"])

    def _add(self, files: Iterable[str]) -> list[str]:
        """Those of `files` that are new."""
        new = [file for file in dict.fromkeys(files) if file not in self.files]
        self.files += new
        return new

    def _refuse_too_many(self) -> None:
        if len(self.files) > self.allowed:
            raise too_many_unreadable(self.files, self.allowed)
