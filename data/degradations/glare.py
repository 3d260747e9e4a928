"""Glare: white light from a lamp or flash, mirrored by glossy paper.

Shapes, falloff, position and composition follow what was measured on real pairs of SD1, the data
set of Hou et al., "Text-Aware Single Image Specular Highlight Removal", PRCV 2021: one soft spot
whose light veils nearly the whole picture, saturates in its middle, and adds less to bright paper
than to dark ink.
"""

import cv2
import numpy as np

from data.registries import DEGRADATIONS
from utils.srgb import decode_srgb, encode_srgb

# Light by distance from the centre, in picture widths: the medians measured on SD1, divided by
# (1 - 0.7 g) at a g of about 0.2, which makes whole pictures as bad as SD1: L1 0.097, 17.5 dB.
_DISTANCE = np.array([0.0, 0.05, 0.075, 0.125, 0.175, 0.25, 0.35, 0.45, 0.6, 0.8, 1.2])
_LIGHT = np.array([1.15, 0.72, 0.54, 0.42, 0.275, 0.172, 0.112, 0.067, 0.037, 0.026, 0.018])

# The light is smooth: it is computed on a grid this many times coarser than the picture.
_COARSE = 4


@DEGRADATIONS.register
class Glare:
    """Add glare to a clean picture.

    Args:
        strength: median factor on the measured light; 1 is SD1's.
        variation: spread (standard deviation of the logarithm) of width and strength from one
            picture to the next; 0 gives SD1's median profile every time.
    """

    def __init__(self, strength: float = 1.0, variation: float = 0.25) -> None:
        if strength <= 0 or variation < 0:
            raise ValueError(f"strength {strength} must be > 0, variation {variation} >= 0")
        self.strength = strength
        self.variation = variation

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return `image` (H, W, C), float32 in [0, 1], under glare: same shape, type and range."""
        light = self.light(image.shape[0], image.shape[1], rng)
        return compose(image, light[..., None], rng)

    def light(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a light map (height, width), float32, 0 and up; above 1 saturates black ink."""
        spots = int(rng.choice([1, 2, 3], p=[0.8, 0.15, 0.05]))
        rows, columns = max(2, height // _COARSE), max(2, width // _COARSE)
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        # Both axes in picture widths, pixel centres.
        x = (x + 0.5) / columns
        y = (y + 0.5) / rows * (height / width)
        light = np.zeros((rows, columns), np.float32)
        shares = rng.dirichlet([2.0] * spots) ** 0.7
        for share in shares:
            light += share * self._spot(x, y, height / width, rng)
        return cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)

    def _spot(
        self, x: np.ndarray, y: np.ndarray, aspect: float, rng: np.random.Generator
    ) -> np.ndarray:
        """One spot's light on the coordinate grids `x`, `y`."""
        dx = x - np.clip(rng.normal(0.43, 0.12), 0.05, 0.95)
        dy = y - np.clip(rng.normal(0.5, 0.14), 0.05, 0.95) * aspect
        turn = rng.uniform(0, np.pi)
        stretch = np.exp(rng.normal(0, 0.6 * self.variation))
        along = (dx * np.cos(turn) + dy * np.sin(turn)) * stretch
        across = (dy * np.cos(turn) - dx * np.sin(turn)) / stretch
        distance = np.sqrt(along**2 + across**2)
        shape = rng.choice(["disc", "cone", "ring"], p=[0.6, 0.2, 0.2])
        if shape == "cone":  # reaches farther to one side
            angle = np.arctan2(dy, dx) - rng.uniform(0, 2 * np.pi)
            reach, sharpness = rng.uniform(0.5, 1.5), rng.uniform(1, 4)
            distance = distance / (1 + reach * (0.5 + 0.5 * np.cos(angle)) ** sharpness)
        width = np.exp(rng.normal(0, self.variation))
        strength = self.strength * np.exp(rng.normal(0, self.variation))
        light: np.ndarray = _profile(distance / width)
        if shape == "ring":  # a brighter rim around a weaker middle
            radius, rim = rng.uniform(0.06, 0.22) * width, rng.uniform(0.02, 0.06) * width
            bump = np.exp(-(((distance - radius) / rim) ** 2))
            light = rng.uniform(0.4, 0.8) * light + rng.uniform(0.2, 0.6) * bump
        return (strength * light).astype(np.float32)


def _profile(distance: np.ndarray) -> np.ndarray:
    """SD1's light at `distance` picture widths from the centre."""
    return np.exp(np.interp(distance, _DISTANCE, np.log(_LIGHT)))


def compose(image: np.ndarray, light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put light on a picture the way a camera records it, in one of three ways drawn at random.

    Mostly x = g + L (1 - k g) with k near 0.7, which fits SD1 best; sometimes light added in
    linear (sRGB-decoded) values, or plain addition.

    Args:
        image: (H, W, C), float32 in [0, 1].
        light: broadcastable to `image`, 0 and up.
        rng: draws the composition.

    Returns:
        the picture under the light, float32, clipped to [0, 1]; no pixel is darker than before.
    """
    lit: np.ndarray
    way = rng.choice(["veil", "linear", "plain"], p=[0.75, 0.15, 0.1])
    if way == "veil":
        keep = np.clip(rng.normal(0.7, 0.05), 0.5, 0.9)
        lit = image + light * (1 - keep * image)
    elif way == "linear":
        # Half L (1 + L) of linear light lifts a mid-gray about as much as L (1 - 0.7 g) does.
        lit = encode_srgb(decode_srgb(image) + 0.5 * light * (1 + light))
    else:
        lit = image + 0.8 * light
    return np.clip(np.maximum(lit, image), 0, 1).astype(np.float32)
