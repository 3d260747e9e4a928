"""Before and after, as the browser shows them: 8 bit, opaque, equal in size, not too large."""

from __future__ import annotations

import cv2
import numpy as np

from utils.images import to_8_bit

_LONGEST = 1600  # pixels of the longer side
_PAPER = 255.0  # behind what is transparent


def comparison(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures for a slider; where `after` is larger, `before` is enlarged bicubically.

    Args:
        before: HWC uint8 or uint16 with 1, 3 or 4 channels.
        after: the same depth and channels, at any size.

    Returns:
        Both as HWC uint8 RGB at the size of `after`, shrunk to 1600 pixels at most.
    """
    height, width = after.shape[:2]
    shrink = min(1.0, _LONGEST / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return _shown(before, size), _shown(after, size)


def _shown(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shown = _opaque(to_8_bit(image))
    if (shown.shape[1], shown.shape[0]) == size:
        return shown
    shrinks = shown.shape[1] > size[0]
    return cv2.resize(shown, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _opaque(image: np.ndarray) -> np.ndarray:
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    if image.shape[2] == 3:
        return image
    opacity = image[..., 3:] / np.float32(255)
    return np.rint(image[..., :3] * opacity + _PAPER * (1 - opacity)).astype(np.uint8)
