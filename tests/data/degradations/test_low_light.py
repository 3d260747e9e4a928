"""Low light: its physics in linear light, measured; its look beside real dark pictures."""

import numpy as np
import pytest
import skimage.color

from data import DEGRADATIONS
from data.degradations.low_light import LowLight
from utils.images import read_image
from utils.srgb import decode_srgb

CLEAR = {"gamma": 1, "white_balance": 0, "shot": 0, "read": 0}  # darker, and nothing else


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def linear(code: np.ndarray) -> np.ndarray:
    """Linear light by scikit-image, whose XYZ of gray is its light times the white point."""
    gray = np.repeat(code.reshape(-1, 1).astype(float), 3, axis=1)
    return skimage.color.rgb2xyz(gray)[:, 1].reshape(code.shape)


@pytest.mark.parametrize("exposure", [0.5, 0.1, 0.02])
@pytest.mark.parametrize("channels", [1, 3])
def test_light_is_scaled_by_the_exposure(rng, exposure, channels):
    image = rng.uniform(0.3, 1, (40, 50, channels)).astype(np.float32)
    dark = LowLight(exposure, **CLEAR, bits=16)(image, generator())
    assert dark.shape == image.shape and dark.dtype == np.float32
    assert linear(dark) == pytest.approx(exposure * linear(image), rel=0.01)
    assert linear(dark).mean() == pytest.approx(exposure * linear(image).mean(), rel=1e-3)


def test_all_the_light_changes_nothing(rng):
    image = (rng.integers(0, 256, (64, 64, 3)) / 255).astype(np.float32)
    assert np.array_equal(LowLight(1, **CLEAR)(image, generator()), image)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("grain", [0, 0.7])
def test_noise_has_the_variance_of_the_model(level, grain):
    shot, read, exposure = 2e-4, 3e-3, 0.3
    low_light = LowLight(exposure, 1, 0, shot, read, grain, bits=16)
    noisy = linear(low_light(np.full((400, 400, 1), level, np.float32), generator()))
    signal = exposure * linear(np.full(1, level))[0]
    assert noisy.mean() == pytest.approx(signal, rel=0.01)
    assert noisy.var() == pytest.approx(shot * signal + read**2, rel=0.03)


def test_grains_are_as_wide_as_asked_for():
    """White noise after a Gaussian blur of sigma has the autocorrelation exp(-d^2 / 4 sigma^2)."""
    image = np.full((500, 500, 1), 0.5, np.float32)
    noisy = LowLight(0.2, 1, 0, 1e-4, 0, grain=0.8, bits=16)(image, generator())[..., 0]
    for distance in (1, 2):
        measured = np.corrcoef(noisy[:, distance:].ravel(), noisy[:, :-distance].ravel())[0, 1]
        assert measured == pytest.approx(np.exp(-(distance**2) / (4 * 0.8**2)), abs=0.02)


def test_gamma_takes_more_from_shadows():
    image = np.array([[[0.2], [1.0]]], np.float32)
    arguments = {**CLEAR, "gamma": 1.5}
    dark = LowLight(0.5, **arguments, bits=16)(image, generator())
    assert linear(dark) == pytest.approx(0.5 * linear(image) ** 1.5, rel=0.01)


def test_white_balance_moves_red_and_blue_within_its_bounds():
    image = np.full((4, 4, 3), 0.8, np.float32)
    low_light = LowLight(0.3, 1, 0.2, 0, 0, bits=16)
    drawn = np.array([linear(low_light(image, generator(seed)))[0, 0] for seed in range(200)])
    gains = np.log(drawn / (0.3 * linear(image)[0, 0]))
    assert np.abs(gains[:, 1]).max() < 2e-3
    for channel in (0, 2):
        assert 0.18 < np.abs(gains[:, channel]).max() <= 0.202
        assert gains[:, channel].mean() == pytest.approx(0, abs=0.03)


def test_exposures_are_drawn_evenly_by_their_logarithm():
    image = np.ones((1, 1, 1), np.float32)
    low_light = LowLight([0.01, 1], **CLEAR, bits=16)
    drawn = [linear(low_light(image, generator(seed)))[0, 0, 0] for seed in range(400)]
    assert np.mean(np.array(drawn) < 0.1) == pytest.approx(0.5, abs=0.06)
    assert min(drawn) >= 0.0099 and max(drawn) <= 1


@pytest.mark.parametrize("bits", [4, 8])
def test_levels_are_those_of_the_file(rng, bits):
    dark = LowLight(bits=bits)(rng.random((64, 64, 3), dtype=np.float32), generator())
    levels = dark * (2**bits - 1)
    assert levels == pytest.approx(np.rint(levels), abs=1e-3)
    assert 0 <= dark.min() and dark.max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_a_draw_is_the_generators_alone(rng, channels):
    image = rng.random((33, 47, channels), dtype=np.float32)
    original, low_light = image.copy(), DEGRADATIONS.build("LowLight")
    once, again, other = (low_light(image, generator(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again) and not np.array_equal(once, other)
    assert np.array_equal(image, original)


def test_pictures_look_like_lols_dark_ones(shared_dir):
    """The defaults reach from the darkest LOL pictures to the lighter ones of SICE."""
    folder = shared_dir / "data" / "lowlight" / "lol_v2_real"
    names = sorted(path.name for path in (folder / "low").iterdir())[::9]
    real = [read_image(folder / "low" / name) / 255 for name in names]
    low_light = LowLight()
    made = [
        low_light((read_image(folder / "high" / name) / 255).astype(np.float32), generator(index))
        for index, name in enumerate(names)
    ]
    theirs, ours = (np.log([decode_srgb(image).mean() for image in set_]) for set_ in (real, made))
    assert ours.min() < theirs.mean() < ours.max()
    assert ours.mean() == pytest.approx(theirs.mean(), abs=1)  # within a factor of e


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"exposure": 0}, "exposure is 0"),
        ({"exposure": [0.2, 0.1]}, "exposure is"),
        ({"shot": -1}, "shot is -1"),
        ({"bits": 0}, "bits is 0"),
        ({"bits": 8.5}, "bits is 8.5"),
    ],
)
def test_refuses_impossible_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        DEGRADATIONS.build("LowLight", **arguments)
