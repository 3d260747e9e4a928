"""Sharpening of a result, by unsharp masking, where a visitor asks for it."""

from __future__ import annotations

import numpy as np

from engine.restorer import Restorer
from modeling import ARCHITECTURES


def sharpened(image: np.ndarray, amount: float) -> np.ndarray:
    """`image`, HWC of any depth and channels, sharpened by `amount`; itself where that is 0.

    Transparency stays as it is.

    Raises:
        ImageError: it does not fit into memory.
    """
    if not amount:
        return image
    return Restorer(ARCHITECTURES.build("Sharpen", amount=amount), "cpu").restore(image)
