"""Printed matter: reproducible, varied, readable."""

import numpy as np
import pytest

from data.datasets.printed_matter import PrintedMatter
from utils.errors import DataError
from utils.images import write_image


def _read(index: int, **arguments) -> np.ndarray:
    source = PrintedMatter(count=100, size=256, split="train", **{"channels": 3, **arguments})
    return source.read(index, np.random.default_rng([1, index]))["target"]


def test_a_sample_is_uint8_of_the_asked_size():
    assert _read(0).shape == (256, 256, 3) and _read(0).dtype == np.uint8
    assert _read(0, channels=1).shape == (256, 256, 1)


def test_a_sample_depends_on_its_generator_alone():
    np.testing.assert_array_equal(_read(3), _read(3))
    assert not np.array_equal(_read(3), _read(4))


def test_pages_have_text_like_contrast():
    """Nearly every page has edges, and pages on dark and on bright paper both occur."""
    pages = [_read(i, channels=1)[..., 0].astype(float) for i in range(24)]
    edges = [np.abs(np.diff(page, axis=1)).max() for page in pages]
    assert np.mean([edge > 40 for edge in edges]) > 0.9
    medians = [np.median(page) for page in pages]
    assert min(medians) < 90 and max(medians) > 150


def test_photographs_are_printed(tmp_path):
    """A page among photographs of one saturated colour shows that colour."""
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    write_image(tmp_path / "red.png", red)
    shares = []
    for index in range(12):
        page = _read(index, photos=[str(tmp_path)]).astype(int)
        shares.append(((page[..., 0] - page[..., 1:].max(axis=2)) > 120).mean())
    assert np.mean(shares) > 0.05


def test_missing_photographs_are_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        _read(0, photos=[str(tmp_path / "nowhere")])
    write_image(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="zebra"):
        _read(0, photos=[str(tmp_path)], include="zebra*")
