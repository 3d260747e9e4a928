"""Likeness of real photographs: another exposure is alike, another photograph is not.

Copies that are changed in shape and encoding are tried in `doctor/test_copies.py`.
"""

from pathlib import Path

import numpy as np
import pytest

from data.likeness import Gallery
from data.thumbnails import WHOLE, thumbnails_of
from utils.images import list_images


def thumbnails(files) -> dict[Path, np.ndarray]:
    return dict(thumbnails_of(dict.fromkeys(files, WHOLE), "test"))


@pytest.fixture(scope="module")
def normals(shared_dir) -> dict[Path, np.ndarray]:
    """LOL's normal pictures, some of them of one scene."""
    return thumbnails(list_images(shared_dir / "data/lowlight/lol_train_misc/high"))


def test_other_exposures_are_alike_and_other_pictures_are_not(normals):
    gallery = Gallery(normals)
    found = {
        file.stem: sorted(other.stem for other, _ in gallery.likes_of(one))
        for file, one in normals.items()
    }
    twice = {"2": ["2", "v2_00001"], "5": ["5", "6"]}
    for scene in twice.values():
        assert [found[name] for name in scene] == [scene, scene]
    assert all(found[name] == [name] for name in found if name not in sum(twice.values(), []))


def test_what_has_no_detail_is_like_nothing():
    blank = {Path(name): np.full((48, 48), 200, np.float32) for name in ("a", "b")}
    assert list(Gallery(blank).likes_of(blank[Path("a")])) == []
    assert list(Gallery({}).likes_of(np.random.default_rng(0).random((48, 48), np.float32))) == []
