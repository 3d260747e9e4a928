"""The mouth detectors that there are, and which to take."""

from __future__ import annotations

from pathlib import Path

from engine.regions.dlib68 import Dlib68, dlib_is_installed
from engine.regions.mouths import MouthDetector
from engine.regions.yunet import YuNet, fetch_yunet, kept_yunet
from utils.errors import ConfigError, PellucidError
from utils.registry import did_you_mean

DETECTORS = ("auto", "yunet", "dlib")


def open_detector(name: str = "auto", model: Path | None = None) -> MouthDetector:
    """A detector, ready to find mouths.

    Args:
        name: "yunet"; "dlib"; or "auto": YuNet where its file is at hand, else dlib where it is
            installed, else YuNet, whose file is then fetched.
        model: YuNet's file; by default the one that was fetched before, or is fetched now.

    Raises:
        ConfigError: an unknown name, or a file for dlib, which takes none.
        PellucidError: the detector's file or packages are not at hand; says how to get one.
    """
    if name not in DETECTORS:
        raise ConfigError(f"no detector is called {name!r}; {did_you_mean(name, DETECTORS)}")
    if name == "dlib":
        if model is not None:
            raise ConfigError(f"{model}: dlib comes with its own model; a file is YuNet's")
        return Dlib68()
    model = model or kept_yunet()
    if model is not None:
        return YuNet(model)
    if name == "auto" and dlib_is_installed():
        return Dlib68()
    return YuNet(_fetched())


def _fetched() -> Path:
    try:
        return fetch_yunet()
    except PellucidError as error:
        raise PellucidError(f"no face detector is at hand: {error}") from error
