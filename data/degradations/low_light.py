"""Low light: what a camera records of a scene when too little light reaches its sensor.

The defaults follow pairs of dark and normal pictures of LOL-v2 (real captures) and SICE: how much
darker they are in linear light, how contrast and colours differ, and how the noise in flat places
of LOL grows with the light there (about 5e-5 of the signal beside 2e-4).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from data.degradations.ranges import Range
from data.registries import DEGRADATIONS
from utils.srgb import decode_srgb, encode_srgb


@DEGRADATIONS.register
class LowLight:
    """Take light away from a clean sRGB picture, and add the noise of what little is left.

    In linear light, where white is 1, for each colour channel c::

        signal = exposure * gain_c * decode(image) ** gamma
        y = signal + n,    n ~ N(0, shot * signal + read ** 2)

    and y is clipped to [0, 1], encoded as sRGB again and rounded to what `bits` can hold. The
    noise is the Poissonian-Gaussian model of Foi et al., "Practical Poissonian-Gaussian noise
    modeling and fitting for single-image raw-data", IEEE TIP 2008 (eq. 2 to 4: a = shot,
    b = read ** 2), with counts so large that their Poisson law is a normal one.

    Every strength is a number, or [low, high] to draw one for each picture.

    Args:
        exposure: share of the light that is left, drawn evenly by its logarithm.
        gamma: exponent on linear light; above 1 shadows lose more than lights.
        white_balance: largest change of red and blue against green, as a logarithm; gains are
            drawn between exp(-white_balance) and exp(white_balance). A gray picture has none.
        shot: variance of the noise as a share of the signal; 5e-5 is 20,000 electrons at white.
        read: standard deviation of the noise where there is no light, as a share of white.
        grain: width of the noise's grains, the standard deviation in pixels of a Gaussian blur
            after which the noise has its strength; 0 is new for each pixel. Demosaicing and
            denoising leave grains.
        bits: of the file that the dark picture is stored in.
    """

    def __init__(
        self,
        exposure: float | Sequence[float] = (0.015, 0.3),
        gamma: float | Sequence[float] = (1.0, 1.4),
        white_balance: float | Sequence[float] = 0.1,
        shot: float | Sequence[float] = (0.0, 1.5e-4),
        read: float | Sequence[float] = (0.0, 5e-4),
        grain: float | Sequence[float] = (0.0, 0.5),
        bits: int = 8,
    ) -> None:
        self.exposure = Range(exposure, "exposure", at_least=1e-4, at_most=1)
        self.gamma = Range(gamma, "gamma", at_least=0.1, at_most=10)
        self.white_balance = Range(white_balance, "white_balance", at_least=0, at_most=1)
        self.shot = Range(shot, "shot", at_least=0, at_most=1)
        self.read = Range(read, "read", at_least=0, at_most=1)
        self.grain = Range(grain, "grain", at_least=0, at_most=10)
        if bits not in range(1, 17):
            raise ValueError(f"bits is {bits}; it must be a whole number, 1 to 16")
        self.levels = 2**bits - 1

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`image` (H, W, C), float32 in [0, 1], in the dark: same shape, type and range."""
        light = self._signal(image, rng)
        light += self._noise(light, rng)
        code = encode_srgb(light.clip(0, 1))
        return np.rint(code * self.levels) / np.float32(self.levels)

    def _signal(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The light that reaches the sensor, free of noise."""
        gains = np.full(image.shape[2], self.exposure.draw_logarithmic(rng), np.float32)
        gamma = self.gamma.draw(rng)
        shift = self.white_balance.draw(rng)
        if image.shape[2] == 3:
            gains[[0, 2]] *= np.exp(rng.uniform(-shift, shift, 2))
        light = decode_srgb(image.clip(0, 1))
        return gains * (light if gamma == 1 else light**gamma)

    def _noise(self, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What the sensor adds to `signal` (H, W, C)."""
        shot, read, grain = (part.draw(rng) for part in (self.shot, self.read, self.grain))
        if shot == read == 0:
            return np.zeros_like(signal)
        noise = rng.standard_normal(signal.shape, dtype=np.float32)
        if grain > 0:
            noise = _grainy(noise, grain)
        return noise * np.sqrt(np.float32(shot) * signal + np.float32(read**2))


def _grainy(noise: np.ndarray, sigma: float) -> np.ndarray:
    """White `noise` (H, W, C) blurred by `sigma` pixels, and of its former variance again."""
    radius = int(np.ceil(4 * sigma))
    line = cv2.getGaussianKernel(2 * radius + 1, sigma)
    line /= np.sqrt((line**2).sum())
    blurred = cv2.sepFilter2D(noise, -1, line, line, borderType=cv2.BORDER_REFLECT_101)
    return blurred.reshape(noise.shape)  # OpenCV drops a single channel's axis
