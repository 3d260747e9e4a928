"""What restores and detects: the models of this process, or another server's API."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from engine.restore_options import DEFAULTS, RestoreOptions
from engine.verdict import Verdict
from serving.catalogue import Catalogue


class Backend(Protocol):
    """What the page works with.

    Pictures are HWC uint8 or uint16, gray, RGB or RGBA, and come back in their own depth and
    channels. `name` is what messages call them. `model` and `method` are names of the catalogue's;
    None takes the default.

    Every method that takes a picture raises:
        PellucidError: one that `serving.errors.STATUSES` has: the picture, or what is asked for,
            is refused, or cannot be done now. The message is one line for whoever asked.
    """

    def systems(self) -> Catalogue:
        """What can be asked for, and why the rest is not offered."""

    async def restore(
        self,
        system: str,
        image: np.ndarray,
        *,
        model: str | None = None,
        options: RestoreOptions = DEFAULTS,
        name: str = "image",
    ) -> np.ndarray:
        """Restore a picture by a system; see `engine.restorer.Restorer.restore`."""

    async def detect(
        self, image: np.ndarray, *, method: str | None = None, name: str = "image"
    ) -> Verdict:
        """Tell whether a picture is pixelated; see `engine.verdict.judge`."""

    async def auto(
        self,
        image: np.ndarray,
        *,
        model: str | None = None,
        method: str | None = None,
        options: RestoreOptions = DEFAULTS,
        name: str = "image",
    ) -> tuple[np.ndarray, Verdict]:
        """Restore a picture if it is pixelated, else give back `image` itself.

        See `engine.correction.PixelationCorrector.correct`.
        """
