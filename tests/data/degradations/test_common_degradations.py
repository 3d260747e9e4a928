"""Pixelation, JPEG, blur and noise, each against another program or a statistic."""

import io

import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from data import DEGRADATIONS
from data.degradations.blur import Blur, gaussian_kernel
from data.degradations.jpeg import JPEG
from data.degradations.noise import Noise
from data.degradations.pixelation import Nearest, Pixelate, resize_nearest
from data.degradations.ranges import Range
from utils.images import read_image

DRAWN = [
    ("Pixelate", {}),
    ("JPEG", {"quality": [10, 90]}),
    ("Blur", {}),
    ("Blur", {"sigma": [1, 3], "aspect": [0.3, 0.9]}),
    ("MotionBlur", {}),
    ("LowResolution", {}),
    ("OneOf", {"parts": [{"NAME": "Blur"}, {"NAME": "MotionBlur"}], "shares": [0.5, 0.5]}),
    ("Noise", {"sigma": [5, 30]}),
    ("Noise", {"sigma": [5, 30], "kind": "poisson", "gray": True}),
]


@pytest.fixture
def photograph(shared_dir):
    path = shared_dir / "data" / "sr" / "Set5" / "img_003.png"
    return read_image(path).astype(np.float32) / 255


def generator(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("name", "arguments"), DRAWN)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_draw_is_the_generators_alone(rng, name, arguments, channels):
    image = scipy.ndimage.gaussian_filter(rng.random((33, 47, channels)), (2, 2, 0))
    image = image.astype(np.float32)
    original = image.copy()
    degradation = DEGRADATIONS.build(name, **arguments)
    once, again, other = (degradation(image, generator(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again) and not np.array_equal(once, other)
    assert once.shape == image.shape and once.dtype == np.float32
    assert np.array_equal(image, original)


def test_nearest_keeps_pillows_pixels(rng):
    image = rng.random((40, 60, 3), dtype=np.float32)
    small = Nearest(4)(image, rng)
    theirs = Image.fromarray(image[..., 1]).resize((15, 10), Image.Resampling.NEAREST)
    assert np.array_equal(small[..., 1], np.asarray(theirs))


@pytest.mark.parametrize("size", [(16, 128), (64, 32), (41, 61)])  # no centre on a pixel's edge
def test_resize_nearest_is_pillows(rng, size):
    image = rng.random((41, 61, 1), dtype=np.float32)
    theirs = Image.fromarray(image[..., 0]).resize(size[::-1], Image.Resampling.NEAREST)
    assert np.array_equal(resize_nearest(image, *size)[..., 0], np.asarray(theirs))


def test_pixelate_repeats_pixels_of_the_picture(rng):
    image = rng.permutation(64 * 96).reshape(64, 96, 1).astype(np.float32)
    coarse = Pixelate(4)(image, rng)
    assert np.array_equal(coarse, Nearest(4)(image, rng).repeat(4, axis=0).repeat(4, axis=1))
    counts = [len(np.unique(Pixelate([1.5, 4])(image, generator(seed)))) for seed in range(40)]
    assert min(counts) == pytest.approx(image.size / 4**2, rel=0.1)
    assert max(counts) == pytest.approx(image.size / 1.5**2, rel=0.1)


@pytest.mark.parametrize("quality", [10, 50, 90])
def test_jpeg_is_pillows(photograph, quality):
    levels = np.rint(photograph * 255).astype(np.uint8)
    for picture in (levels, levels[..., :1]):
        file = io.BytesIO()
        Image.fromarray(picture.squeeze()).save(file, "JPEG", quality=quality)
        theirs = np.asarray(Image.open(file)).reshape(picture.shape).astype(int)
        ours = JPEG(quality)(picture.astype(np.float32) / 255, generator()) * 255
        assert np.abs(ours - theirs).max() <= 2  # two builds of one library may round apart


def test_jpeg_qualities_are_all_drawn():
    drawn = {Range([30, 32], "quality", 1, 100).draw_whole(generator(seed)) for seed in range(40)}
    assert drawn == {30, 31, 32}


def test_isotropic_blur_is_scipys(photograph):
    blurred = Blur(sigma=1.7)(photograph, generator())
    theirs = scipy.ndimage.gaussian_filter(photograph.astype(float), (1.7, 1.7, 0), truncate=4.0)
    assert blurred == pytest.approx(theirs, abs=1e-5)
    gray = Blur(sigma=1.7)(photograph[..., :1], generator())
    assert gray == pytest.approx(theirs[..., :1], abs=1e-5)


def test_blur_of_no_width_changes_nothing(photograph):
    assert np.array_equal(Blur(sigma=0)(photograph, generator()), photograph)


def test_anisotropic_blur_has_the_moments_asked_for(photograph):
    kernel = gaussian_kernel(3.0, 1.2, np.pi / 6)
    reach = np.arange(len(kernel)) - len(kernel) // 2
    y, x = np.meshgrid(reach, reach, indexing="ij")
    covariance = [[(kernel * a * b).sum() for b in (x, y)] for a in (x, y)]
    lengths, axes = np.linalg.eigh(covariance)
    assert np.sqrt(lengths) == pytest.approx([1.2, 3.0], rel=0.01)
    angle = np.arctan2(axes[1, 1], axes[0, 1]) % np.pi
    assert angle == pytest.approx(np.pi / 6, abs=0.01)
    straight = gaussian_kernel(2.0, 1.0, 0.0)
    theirs = scipy.ndimage.gaussian_filter(
        photograph.astype(float), (1.0, 2.0, 0), radius=(8, 8, 0)
    )
    ours = scipy.ndimage.correlate(photograph.astype(float), straight[..., None], mode="reflect")
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_gaussian_noise_has_the_variance_asked_for():
    image = np.full((400, 400, 3), 0.5, np.float32)
    noise = (Noise(25)(image, generator()) - image) * 255
    assert noise.std() == pytest.approx(25, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.2)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.01
    gray = Noise(25, gray=True)(image, generator()) - image
    assert np.ptp(gray, axis=2).max() < 1e-6


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0])
def test_poisson_noise_grows_with_the_light(level):
    image = np.full((400, 400, 1), level, np.float32)
    noise = (Noise(20, kind="poisson")(image, generator()) - image) * 255
    assert noise.std() == pytest.approx(20 * np.sqrt(level), rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.2)


def test_misuse_is_refused():
    for build, text in (
        (lambda: JPEG(0), "quality is 0"),
        (lambda: JPEG([90, 10]), "quality is"),
        (lambda: JPEG([10, 101]), "1 to 100"),
        (lambda: Blur([1, 2, 3]), "number or"),
        (lambda: Noise(5, kind="gauss"), "did you mean gaussian"),
        (lambda: Nearest(0), "scale is 0"),
        (lambda: Pixelate(0.5), "1 or more"),
    ):
        with pytest.raises(ValueError, match=text):
            build()
