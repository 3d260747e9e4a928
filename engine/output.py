"""The output folder of a run: where each thing lies, and who writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import config
from config import Config
from data.division import Division
from engine.divisions import write_divisions
from engine.history import Writer
from engine.position import Position
from engine.writers import Curves, JsonLines, LogLines, SampleSheets, TensorBoard
from utils.distributed import is_main, rank
from utils.files import atomic_write_text, remove_leftovers
from utils.locks import FolderLock
from utils.logging import setup_logging


class OutputFolder:
    """The folder that OUTPUT_DIR names.

    Attributes:
        path: the folder.
        last: the checkpoint to go on from.
        best: the best weights so far.
        split: who got which samples of the data sets that were divided.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.last = self.path / "checkpoints" / "last.pt"
        self.best = self.path / "checkpoints" / "best.safetensors"
        self.split = self.path / "split.json"
        self._lock: FolderLock | None = None

    def claim(self) -> None:
        """Keep every other run out, and remove what a killed one left half-written.

        Of several processes the main one does it for all.

        Raises:
            PellucidError: naming the process that runs here, or why the folder cannot be had.
        """
        if not is_main():
            return
        self._lock = FolderLock(self.path)
        for name in ("", "checkpoints", "plots", "samples"):
            remove_leftovers(self.path / name)

    def release(self) -> None:
        """Let other runs in."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def open(
        self,
        cfg: Config,
        epochs: int,
        iterations: int,
        divisions: Sequence[Division],
        done: Position | None,
    ) -> list[Writer]:
        """Begin to write: the log, the resolved config, and whatever is measured from now on.

        Args:
            cfg: the whole config.
            epochs: length of the run, for the log.
            iterations: likewise.
            divisions: how data sets were divided, written to `split.json`.
            done: where a resumed run goes on from: what was measured after it goes. None begins
                anew.

        Returns:
            The writers, to be told of each record; none but in the main process, which alone
            writes.
        """
        setup_logging(self.path, rank())
        if not is_main():
            return []
        atomic_write_text(self.path / "config.yml", config.dump(cfg))
        if divisions:
            write_divisions(self.split, divisions)
        return [
            LogLines(epochs, iterations),
            JsonLines(self.path / "metrics.jsonl", done),
            TensorBoard(self.path, done),
            Curves(self.path / "plots" / "curves.png"),
            SampleSheets(self.path / "samples"),
        ]
