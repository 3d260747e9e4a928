"""Messages to the terminal and to a run's log file.

Every module logs through `get_logger(__name__)`; a tool or the trainer calls `setup_logging` once.
The terminal's lines go around a progress bar that is being drawn; the file gets none of the bar.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from tqdm import tqdm

from utils.errors import PellucidError

_ROOT = "pellucid"
_FORMAT = "%(asctime)s %(message)s"
_RAISED = "%(asctime)s %(levelname)s "
_DATES = "%Y-%m-%d %H:%M:%S"


def get_logger(name: str) -> logging.Logger:
    """The logger of module `name`, below the one that `setup_logging` sets up."""
    return logging.getLogger(f"{_ROOT}.{name}")


def setup_logging(output_dir: Path | None = None, rank: int = 0) -> None:
    """Send messages to stdout and, with a folder, append them to its `log.txt`.

    A second call takes the place of the first.

    Args:
        output_dir: folder of the run; made where it is missing.
        rank: the process's number among several that work as one. All but 0, the main one, tell
            warnings and errors only, prefixed with their number, and write no file.
    """
    logger = logging.getLogger(_ROOT)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.INFO if rank == 0 else logging.WARNING)
    logger.propagate = False
    handlers: list[logging.Handler] = [_AroundTheBar()]
    if output_dir is not None and rank == 0:
        output_dir.mkdir(parents=True, exist_ok=True)
        handlers.append(_LogFile(output_dir / "log.txt", encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(_LevelFormatter(rank))
        logger.addHandler(handler)


class _AroundTheBar(logging.Handler):
    """Writes a line to stdout above the progress bars that are being drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            tqdm.write(self.format(record), file=sys.stdout)
            sys.stdout.flush()
        except Exception:  # logging's own rule: a message that cannot be written stops nothing
            self.handleError(record)


class _LogFile(logging.FileHandler):
    """A file that must not lose a line unnoticed."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Raise what the file system refused, in a user's words."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        reason = error.strerror or str(error)
        raise PellucidError(f"{self.baseFilename}: cannot be written: {reason}") from error


class _LevelFormatter(logging.Formatter):
    """Names the level only where it is more than plain information, the rank where it is not 0."""

    def __init__(self, rank: int) -> None:
        super().__init__(_FORMAT, _DATES)
        place = f"rank {rank}: " if rank else ""
        self._raised = logging.Formatter(f"{_RAISED}{place}%(message)s", _DATES)

    def format(self, record: logging.LogRecord) -> str:
        if record.levelno > logging.INFO:
            return self._raised.format(record)
        return super().format(record)
