"""What JPEG takes off a picture."""

from collections.abc import Sequence

import cv2
import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS


@DEGRADATIONS.register
class JPEG:
    """Compress a picture and read it back: blocks, ringing, colour at half resolution.

    Args:
        quality: 1 (worst) to 100, as libjpeg counts: a whole number, or [low, high] to draw one
            for each picture.
    """

    def __init__(self, quality: int | Sequence[int]) -> None:
        self.quality = Range(quality, "quality", at_least=1, at_most=100)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32 in [0, 1], of one or three channels, with the same shape."""
        levels = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality.draw_whole(rng)]
        # OpenCV's pictures are BGR, and so the file is as it would be from any other program.
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(levels[..., ::-1]), options)
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED)).reshape(image.shape)
        return decoded[..., ::-1].astype(np.float32) / np.float32(255)
