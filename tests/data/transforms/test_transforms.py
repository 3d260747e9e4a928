import cv2
import numpy as np
import pytest

from data.transforms.crops import RandomCrop, RandomScaleCrop
from data.transforms.flips import RandomFlip, RandomTranspose
from utils.errors import DataError


def coordinates(height: int, width: int) -> np.ndarray:
    """A picture whose first two channels say where each pixel was."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([rows, columns, np.zeros_like(rows)]).astype(np.uint8)


def pair(height: int = 24, width: int = 40, scale: int = 1) -> dict:
    """Every target pixel holds the coordinates of the input pixel it belongs to."""
    picture = coordinates(height, width)
    target = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    return {"input": picture, "target": target, "name": "p"}


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("transform", [RandomCrop(16), RandomFlip(), RandomTranspose()])
def test_halves_are_transformed_alike(transform, scale, rng):
    seen = set()
    for _ in range(30):
        sample = transform(pair(scale=scale), rng)
        enlarged = sample["input"].repeat(scale, axis=0).repeat(scale, axis=1)
        assert np.array_equal(enlarged, sample["target"])
        seen.add(sample["input"].tobytes())
    assert len(seen) > 1


def test_crop_reaches_every_place(rng):
    corners = set()
    for _ in range(200):
        crop = RandomCrop(4)({"target": coordinates(6, 5), "name": "p"}, rng)["target"]
        assert crop.shape == (4, 4, 3)
        corners.add(tuple(int(v) for v in crop[0, 0, :2]))
    assert corners == {(top, left) for top in range(3) for left in range(2)}


def test_crop_larger_than_the_picture_names_it(rng):
    with pytest.raises(DataError, match="p is 40x24, smaller than RandomCrop's size 32"):
        RandomCrop(32)(pair(), rng)


def test_crop_that_does_not_divide_by_the_scale(rng):
    with pytest.raises(DataError, match="size 10 does not divide by the pictures' scale 4"):
        RandomCrop(10)(pair(scale=4), rng)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (RandomFlip(vertical=False), {(0, 0), (0, 4)}),
        (RandomFlip(horizontal=False), {(0, 0), (2, 0)}),
        (RandomFlip(), {(0, 0), (0, 4), (2, 0), (2, 4)}),
    ],
)
def test_flips_happen_only_the_way_asked_for(transform, expected, rng):
    corners = set()
    for _ in range(60):
        first = transform({"target": coordinates(3, 5), "name": "p"}, rng)["target"][0, 0]
        corners.add(tuple(int(v) for v in first[:2]))
    assert corners == expected


def test_transforms_leave_their_sample_alone(rng):
    sample = pair()
    before = {half: sample[half].copy() for half in ("input", "target")}
    for _ in range(10):
        for transform in (RandomCrop(8), RandomFlip(), RandomTranspose(), RandomScaleCrop(8)):
            transform(sample, rng)
    assert all(np.array_equal(sample[half], before[half]) for half in before)


@pytest.mark.parametrize("channels", [1, 3])
def test_scale_crop_has_one_size(channels, rng):
    target = rng.integers(0, 256, (30, 50, channels), np.uint8)
    for size in (8, 64):
        cropped = RandomScaleCrop(size, 0.3, 1.0)({"target": target, "name": "p"}, rng)
        assert cropped["target"].shape == (size, size, channels)
        assert cropped["target"].dtype == np.uint8


def test_scale_crop_covers_the_shares_asked_for(rng):
    ramp = np.tile(np.arange(200, dtype=np.uint8)[:, None, None], (1, 200, 1))
    spans = []
    for _ in range(100):
        crop = RandomScaleCrop(50, 0.5, 1.0)({"target": ramp, "name": "p"}, rng)["target"]
        spans.append((int(crop[-1, 0, 0]) - int(crop[0, 0, 0])) / 200)
    assert 0.47 < min(spans) < 0.6 and 0.9 < max(spans) <= 1


def test_scale_crop_of_the_whole_is_an_area_resize(rng):
    target = rng.integers(0, 256, (32, 32, 3), np.uint8)
    found = RandomScaleCrop(8, 1.0, 1.0)({"target": target, "name": "p"}, rng)["target"]
    assert np.array_equal(found, cv2.resize(target, (8, 8), interpolation=cv2.INTER_AREA))


def test_scale_crop_keeps_a_pair_s_scale(rng):
    cropped = RandomScaleCrop(16, 0.5, 0.9)(pair(scale=2), rng)
    assert cropped["input"].shape == (8, 8, 3) and cropped["target"].shape == (16, 16, 3)
    reduced = cv2.resize(cropped["target"], (8, 8), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - cropped["input"]).max() <= 1


@pytest.mark.parametrize("arguments", [{"size": 0}, {"size": 8, "min_scale": 0.9, "max_scale": 2}])
def test_scale_crop_refuses_nonsense(arguments):
    with pytest.raises(ValueError):
        RandomScaleCrop(**arguments)
