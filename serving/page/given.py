"""What a browser sends, checked by nobody else: any program can send an event of the page."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

from utils.errors import ConfigError, ImageError

MOST_SHARPENING = 2.0


def file_of(picture: Any, folder: Path) -> Path:
    """The file of an upload, as Gradio describes one.

    Args:
        picture: the description; None where there is no picture.
        folder: where uploads are.

    Raises:
        ImageError: there is none.
    """
    if picture is None:
        raise ImageError("no picture yet: choose one, or a sample")
    path = picture.get("path") if isinstance(picture, dict) else None
    file = Path(path).resolve() if isinstance(path, str) else folder
    if folder.resolve() not in file.parents or not file.is_file():
        raise ImageError("the picture is no longer on the server; upload it again")
    return file


def system_of(system: Any, known: Container[str]) -> str:
    """A system's name.

    Raises:
        ConfigError: it is not known.
    """
    if not isinstance(system, str) or system not in known:
        raise ConfigError("system: choose one of those that the page offers")
    return system


def amount_of(sharpening: Any) -> float:
    """How much to sharpen, 0 (not at all) to 2.

    Raises:
        ConfigError: it is no such number.
    """
    if not isinstance(sharpening, int | float) or not 0 <= sharpening <= MOST_SHARPENING:
        raise ConfigError(f"sharpening: give a number from 0 to {MOST_SHARPENING:g}")
    return float(sharpening)
