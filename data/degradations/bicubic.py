"""The shrinking that super-resolution is usually trained and measured with."""

import numpy as np

from data.registries import DEGRADATIONS
from utils.resampling import resize_bicubic


@DEGRADATIONS.register
class Bicubic:
    """Shrink a picture the way MATLAB's `imresize` does: cubic, antialiased, edges mirrored.

    Args:
        scale: how many times smaller the picture becomes.
    """

    def __init__(self, scale: int) -> None:
        if scale < 1:
            raise ValueError(f"scale is {scale}; it must be at least 1")
        self.scale = scale

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32 in [0, 1], as (H / scale, W / scale, C); nothing is drawn.

        What overshoots at edges is clipped.
        """
        height, width = (length // self.scale for length in image.shape[:2])
        return resize_bicubic(image, height, width).clip(0, 1)
