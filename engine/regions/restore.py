"""Restoring the mouths of a picture and nothing else of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.regions.geometry import cut, paste_change
from engine.regions.mouths import SIDE, MouthDetector, square_around
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.restorer import Restorer
from utils.errors import ConfigError
from utils.images import to_8_bit
from utils.logging import get_logger

_log = get_logger(__name__)

_FEATHER = 0.15  # share of the square's side over which the result fades into the picture


class MouthRestorer:
    """Restores the mouths of a picture; every pixel beside them stays as it is, to the bit.

    Each is cut out upright at 128x128 pixels, restored, and what that changed is added to the
    picture, fading towards the edges of the square.

    Args:
        restorer: restores a mouth; it must keep the size.
        detector: finds the mouths.

    Raises:
        ConfigError: the restorer's network changes the size.
    """

    def __init__(self, restorer: Restorer, detector: MouthDetector) -> None:
        if restorer.descriptor.scale != 1:
            name = restorer.architecture
            raise ConfigError(
                f"{name} enlarges {restorer.descriptor.scale} times; a region needs a network that "
                "keeps the size"
            )
        self._restorer = restorer
        self._detector = detector
        self._told: set[str] = set()

    def restore(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> np.ndarray:
        """Restore the mouths of one picture; one without a face comes back as it is, reported.

        Args:
            image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
            name: what messages call the picture.
            options: for the mouths; the picture keeps its size.

        Raises:
            ConfigError: the options ask for another size.
            PellucidError: a mouth cannot be restored.
        """
        if options.outscale is not None:
            raise ConfigError("outscale: a region is restored in a picture that keeps its size")
        mouths = self._detector.find(_as_rgb(image))
        self._tell(name, len(mouths))
        if not mouths:
            return image
        colours = image[..., :3]
        whole = replace(options, tile=None, tile_overlap=None)  # a mouth is a single tile
        for mouth in mouths:
            square = square_around(mouth)
            before = cut(colours, square, SIDE)
            after = self._restorer.restore(before, name, whole)
            colours = paste_change(colours, square, before, after, _FEATHER)
        return np.concatenate([colours, image[..., 3:]], axis=2)

    def _tell(self, name: str, mouths: int) -> None:
        """Say what was found in a picture; of a video's frames only the first without a face."""
        file, frame, _ = name.partition(" (frame ")
        if mouths and not frame:
            _log.info("%s: mouths: %d", name, mouths)
        if not mouths and file not in self._told:
            self._told.add(file)
            _log.warning("%s: no face was found; it is left as it is", name)


def _as_rgb(image: np.ndarray) -> np.ndarray:
    """What a detector looks at: HWC uint8 with three channels."""
    colours = to_8_bit(image[..., :3])
    return np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 else colours
