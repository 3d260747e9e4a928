"""The tone curve between sRGB code values and linear light (IEC 61966-2-1), both in [0, 1]."""

import numpy as np


def decode_srgb(value: np.ndarray) -> np.ndarray:
    """Code values, any shape and floating type, to linear light of the same shape and type."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def encode_srgb(light: np.ndarray) -> np.ndarray:
    """Linear light, any shape and floating type, 0 and up, to code values likewise."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
