"""What a detector says of a picture: pixelated or not, how surely, and in which blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.labelled import to_8_bit_colours
from engine.blocks import Grid, find_grid
from engine.detector import Detector


@dataclass(frozen=True)
class Verdict:
    """What was found of one picture.

    Attributes:
        probability: that it is of the detector's last class: pixelated.
        verdict: the name of the likelier class.
        block: side of a block in pixels, to two places, where it is pixelated.
        grids: where blocks lie, down and across, likewise.
    """

    probability: float
    verdict: str
    block: float | None = None
    grids: tuple[Grid, Grid] | None = None


def judge(detector: Detector, image: np.ndarray, name: str = "picture") -> Verdict:
    """Ask a detector about a picture, and find the blocks of one that is pixelated.

    Args:
        detector: of two classes, the last of which is what is looked for.
        image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
        name: what messages call the picture.

    Raises:
        ImageError: the array is no such picture.
    """
    probability = detector.probability(image, name)
    if probability <= 0.5:
        return Verdict(probability, detector.classes[0])
    grids = find_grid(to_8_bit_colours(image))
    block = round((grids[0].size + grids[1].size) / 2, 2)
    return Verdict(probability, detector.classes[1], block, grids)
