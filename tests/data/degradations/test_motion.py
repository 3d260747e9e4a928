"""Motion blur and lost resolution, against what they are in the frequencies of a picture."""

import cv2
import numpy as np
import pytest

from data import DEGRADATIONS
from data.degradations.motion import motion_kernel


@pytest.mark.parametrize("length", [0.0, 1.0, 4.5, 13.0])
@pytest.mark.parametrize("angle", [0.0, 0.6, 2.5])
def test_a_motion_spreads_light_evenly_along_a_line(length, angle):
    """By moments: variance length^2 / 12 along it, and what sharing out among pixels adds."""
    kernel = motion_kernel(length, angle)
    assert kernel.sum() == pytest.approx(1) and kernel.min() >= 0
    reach = np.arange(len(kernel)) - len(kernel) // 2
    x, y = np.meshgrid(reach, reach)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    assert (kernel * along).sum() == pytest.approx(0, abs=1e-9)
    assert (kernel * across).sum() == pytest.approx(0, abs=1e-9)
    assert (kernel * along**2).sum() == pytest.approx(length**2 / 12, abs=0.26)
    assert (kernel * across**2).sum() <= 0.26


def test_a_level_motion_is_opencvs_mean_along_rows(rng):
    image = rng.random((20, 30, 3), dtype=np.float32)

    class Level:
        def uniform(self, low, high):
            return 0.0

    blurred = DEGRADATIONS.build("MotionBlur", length=8)(image, Level())
    shifted = [np.roll(image, shift, axis=1) for shift in range(-3, 4)]
    ends = (np.roll(image, -4, axis=1) + np.roll(image, 4, axis=1)) / 2
    expected = (sum(shifted) + ends) / 8  # nine places, the outer two in half of the time
    np.testing.assert_allclose(blurred[:, 5:-5], expected[:, 5:-5], atol=1e-5)


def test_low_resolution_keeps_the_size_and_loses_what_is_fine():
    x = np.arange(120, dtype=np.float32)
    fine = np.tile(0.5 + 0.5 * np.sin(2 * np.pi * x / 4), (90, 1))[..., None]
    coarse = np.tile(0.5 + 0.5 * np.sin(2 * np.pi * x / 40), (90, 1))[..., None]
    lower = DEGRADATIONS.build("LowResolution", factor=4)
    for picture, least, most in ((fine, 0, 0.02), (coarse, 0.3, 0.36)):
        result = lower(picture.astype(np.float32), np.random.default_rng(0))
        assert result.shape == picture.shape
        assert least <= result[:, 10:-10].std() <= most
    small = cv2.resize(coarse, (30, 23), interpolation=cv2.INTER_AREA)
    expected = [cv2.resize(small, (120, 90), interpolation=kernel) for kernel in (1, 2)]
    differences = [np.abs(result[..., 0] - one.clip(0, 1)).max() for one in expected]
    assert min(differences) < 1e-5
