"""A picture cut to the middle, resized or at its own size: colours, or edges."""

import cv2
import numpy as np

from data.registries import REPRESENTATIONS


@REPRESENTATIONS.register
class Colours:
    """The picture itself: its shorter side resized, the square in the middle cut out.

    Args:
        resize: pixels of the shorter side; None keeps the picture's own size, at which alone
            blocks of two pixels survive, and mirrors what is smaller than the square.
        size: side of the square.
    """

    def __init__(self, resize: int | None = 256, size: int = 224) -> None:
        if size <= 0 or (resize is not None and size > resize):
            raise ValueError(f"0 < size <= resize must hold, not {size} and {resize}")
        self.resize = resize
        self.size = size

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """`picture` (H, W, 1 or 3), uint8, any size, as (size, size, 3), uint8."""
        sized = self._mirrored(picture) if self.resize is None else _resized(picture, self.resize)
        square = _square(sized, self.size)
        return np.repeat(square, 3, axis=2) if square.shape[2] == 1 else square

    def _mirrored(self, picture: np.ndarray) -> np.ndarray:
        missing = [(0, max(0, self.size - length)) for length in picture.shape[:2]]
        return np.pad(picture, [*missing, (0, 0)], mode="symmetric")


@REPRESENTATIONS.register
class CannyEdges(Colours):
    """Canny's edges of the picture at its own size, then resized and cut like `Colours`.

    Canny, "A Computational Approach to Edge Detection", 1986, as OpenCV has it: Sobel slopes of
    the luma, thinned, and followed from strong to weak.

    Args:
        low: slope from which an edge goes on.
        high: slope from which an edge begins.
        resize: as in `Colours`.
        size: side of the square.
    """

    def __init__(
        self, low: float = 50, high: float = 150, resize: int | None = 256, size: int = 224
    ) -> None:
        super().__init__(resize, size)
        if not 0 <= low <= high:
            raise ValueError(f"0 <= low <= high must hold, not {low} and {high}")
        self.low = low
        self.high = high

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """`picture` (H, W, 1 or 3), uint8, any size, as (size, size, 3) equal channels, uint8."""
        gray = picture if picture.shape[2] == 1 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        edges = cv2.Canny(np.ascontiguousarray(gray), self.low, self.high)
        return super().__call__(edges[..., None])


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    middle = _square(picture, min(picture.shape[:2]))
    method = cv2.INTER_AREA if len(middle) > side else cv2.INTER_LINEAR
    return cv2.resize(middle, (side, side), interpolation=method).reshape(side, side, -1)


def _square(picture: np.ndarray, side: int) -> np.ndarray:
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]
