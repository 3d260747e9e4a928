"""What a camera makes of flat print."""

import cv2
import numpy as np


def as_photographed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn, shade and slightly blur a flat print, as a hand-held camera would see it."""
    size = image.shape[0]
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    if rng.random() < 0.6:
        # Corners move outwards only, so that the page still fills the frame.
        shift = rng.uniform(0, 0.12 * size, (4, 2)) * [[-1, -1], [1, -1], [1, 1], [-1, 1]]
        warp = cv2.getPerspectiveTransform(corners, (corners + shift).astype(np.float32))
        image = cv2.warpPerspective(image, warp, (size, size), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9) * max(1.0, size / 512))
    # Real photographs hold neither pure white nor pure black, and are lit unevenly.
    shade = cv2.resize(rng.uniform(0.8, 1, (2, 2)).astype(np.float32), (size, size))[..., None]
    black, white = rng.uniform(0, 25), rng.uniform(200, 255)
    shaded = black + image.astype(np.float32) * shade * ((white - black) / 255)
    noise = rng.normal(0, rng.uniform(0, 2), (size, size, 1)).astype(np.float32)
    return np.clip(np.rint(shaded + noise), 0, 255).astype(np.uint8)
