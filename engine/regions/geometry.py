"""Squares in pictures, upright or not: cutting them out, and putting back what changed in them.

Coordinates are in pixels, x to the right and y down; whole numbers are centres of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from utils.resampling import resize_bicubic

_CUBIC_REACH = 3  # pixels around a place that OpenCV's cubic looks at, and one


@dataclass(frozen=True)
class Square:
    """A square in a picture.

    Attributes:
        x: of its centre.
        y: of its centre.
        side: in pixels.
        angle: by which its upper edge is turned from the picture's x axis towards y, in radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def corners(self) -> np.ndarray:
        """(4, 2): x and y of its upper left, upper right, lower right and lower left corner."""
        across, down = self._axes()
        signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
        return np.array([self.x, self.y]) + signs @ np.stack([across, down]) * self.side

    def to_picture(self, size: int) -> np.ndarray:
        """(2, 3): the affine map from pixels of a copy of `size` pixels a side to the picture."""
        across, down = (axis * self.side / size for axis in self._axes())
        first = np.array([self.x, self.y]) - (across + down) * (size - 1) / 2
        return np.stack([across, down, first], axis=1)

    def places(self, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where pixels of the picture lie along the square's axes, from -0.5 to 0.5 inside it."""
        across, down = self._axes()
        x, y = columns - self.x, rows - self.y
        return (
            (x * across[0] + y * across[1]) / self.side,
            (x * down[0] + y * down[1]) / self.side,
        )

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([cosine, sine]), np.array([-sine, cosine])


def cut(image: np.ndarray, square: Square, size: int) -> np.ndarray:
    """An upright copy of a square of a picture.

    Bicubic; where the square has more pixels than the copy, nothing aliases. Beyond the picture's
    edges its last pixels are repeated.

    Args:
        image: HWC uint8 or uint16.
        square: what to cut out.
        size: side of the copy, in pixels.

    Returns:
        (size, size, C), of the picture's type.
    """
    fine = max(size, int(np.ceil(square.side)))
    # Only what is looked at: the picture may be large.
    height, width = image.shape[:2]
    whole = slice(0, height), slice(0, width)
    box = _box(square, height, width, beyond=_CUBIC_REACH) or whole
    onto = square.to_picture(fine)
    onto[:, 2] -= box[1].start, box[0].start
    copy = cv2.warpAffine(
        image[box].astype(np.float32),
        onto,
        (fine, fine),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    copy = resize_bicubic(copy.reshape(fine, fine, image.shape[2]), size, size)
    return np.rint(copy.clip(0, np.iinfo(image.dtype).max)).astype(image.dtype)


def paste_change(
    image: np.ndarray, square: Square, before: np.ndarray, after: np.ndarray, feather: float
) -> np.ndarray:
    """A picture with what changed in a copy of one of its squares.

    The difference is added rather than the copy pasted: so detail that the copy could not hold
    stays, and what did not change keeps its bits. Towards the square's edges less of it is added;
    every pixel outside stays as it is, to the bit.

    Args:
        image: HWC uint8 or uint16; it is left alone.
        square: where the copy was cut out.
        before: the copy as it was cut out, (size, size, C).
        after: the same, changed.
        feather: share of the side, up to 0.5, over which the change fades to nothing at each edge.

    Returns:
        A picture of the same shape and type.
    """
    box = _box(square, image.shape[0], image.shape[1])
    result = image.copy()
    if box is None:
        return result
    rows, columns = np.mgrid[box]
    weight = _weight(square, columns, rows, feather)[..., None]
    change = _stretched(after.astype(np.float32) - before.astype(np.float32), square, box)
    part = image[box].astype(np.float32) + weight * change
    part = np.rint(part.clip(0, np.iinfo(image.dtype).max)).astype(image.dtype)
    result[box] = np.where(weight > 0, part, image[box])
    return result


def _box(square: Square, height: int, width: int, beyond: int = 0) -> tuple[slice, slice] | None:
    """The rows and columns that hold the square and some pixels more, as far as there are any."""
    corners = square.corners()
    left, top = np.maximum(np.floor(corners.min(axis=0)) - beyond, 0).astype(int)
    ends = np.ceil(corners.max(axis=0)) + 1 + beyond
    right, bottom = np.minimum(ends, (width, height)).astype(int)
    if left >= right or top >= bottom:
        return None
    return slice(top, bottom), slice(left, right)


def _weight(square: Square, columns: np.ndarray, rows: np.ndarray, feather: float) -> np.ndarray:
    """1 inside, 0 from the edges on, a half cosine between, float32."""
    weight = np.ones(columns.shape)
    for place in square.places(columns, rows):
        depth = np.clip((0.5 - np.abs(place)) / max(feather, 1e-6), 0, 1)
        weight *= 0.5 - 0.5 * np.cos(np.pi * depth)
    return weight.astype(np.float32)


def _stretched(change: np.ndarray, square: Square, box: tuple[slice, slice]) -> np.ndarray:
    """What changed in the copy, at the place of each pixel of the picture's `box`."""
    size, _, channels = change.shape
    coarse = min(size, int(np.ceil(square.side)))
    change = resize_bicubic(change, coarse, coarse)
    onto = square.to_picture(coarse)
    onto[:, 2] -= box[1].start, box[0].start
    height, width = (part.stop - part.start for part in box)
    stretched = cv2.warpAffine(
        change, onto, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return stretched.reshape(height, width, channels)
