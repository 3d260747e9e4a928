"""Mouths: what a detector finds of one, and the square around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.regions.geometry import Square, cut

SIDE = 128  # pixels at which mouths are cut out, learnt from and restored
_MARGIN = 0.4  # of the mouth's width, on both sides of it
# Seen from the side a mouth's corners come together; it is taken for as wide at least as this
# share of the face (a median of 0.4 was measured on faces seen from the front).
_NARROWEST = 0.3


@dataclass(frozen=True)
class Mouth:
    """A mouth in a picture.

    Attributes:
        points: (N, 2), x and y in pixels of points on its outline; the first two are its corners,
            the one on the person's right first, which is on the picture's left.
        face_width: of the face's box, in pixels.
    """

    points: np.ndarray
    face_width: float


class MouthDetector(Protocol):
    """Finds mouths."""

    def find(self, image: np.ndarray) -> list[Mouth]:
        """The mouths of all faces in a picture, HWC uint8 RGB; none where there is no face."""


def square_around(mouth: Mouth) -> Square:
    """The square around a mouth, turned as the mouth is, with a margin of 0.4 of its width."""
    (x, y), (other_x, other_y) = mouth.points[:2]
    angle = float(np.arctan2(other_y - y, other_x - x))
    across = np.array([np.cos(angle), np.sin(angle)])
    axes = np.stack([across, [-across[1], across[0]]])
    along = mouth.points @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    centre = (low + high) / 2 @ axes
    width = max(high[0] - low[0], _NARROWEST * mouth.face_width)
    return Square(float(centre[0]), float(centre[1]), float(width * (1 + 2 * _MARGIN)), angle)


def cut_mouths(image: np.ndarray, detector: MouthDetector, least: float) -> list[np.ndarray]:
    """Upright copies of the mouths of a picture, 128x128.

    Args:
        image: HWC uint8 RGB.
        detector: finds the mouths.
        least: pixels that the square around a mouth has a side at least; smaller ones are left
            out, since a copy would be enlarged and not sharp.
    """
    squares = (square_around(mouth) for mouth in detector.find(image))
    return [cut(image, square, SIDE) for square in squares if square.side >= least]
