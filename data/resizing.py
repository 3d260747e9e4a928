"""Resizing of pictures in the data room."""

import cv2
import numpy as np


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """An HWC picture as `size` x `size` pixels, of the same type and channels.

    Pixel areas are averaged where the picture shrinks, a cubic is fitted where it grows.
    """
    if image.shape[:2] == (size, size):
        return image
    shrinks = min(image.shape[:2]) > size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(image, (size, size), interpolation=method)
    return resized.reshape(size, size, image.shape[2])  # OpenCV drops a single channel's axis
