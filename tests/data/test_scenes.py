"""Scenes of real pictures and of made ones."""

import cv2
import numpy as np
import pytest

from data.scenes import scenes_of
from utils.images import list_images, read_image, write_image


@pytest.fixture
def photographs(tmp_path, shared_dir):
    """Four different photographs, small, as files."""
    files = list_images(shared_dir / "data/photos/bsds400")[:4]
    for number, file in enumerate(files):
        write_image(tmp_path / f"{number}.png", read_image(file)[::2, ::2])
    return [tmp_path / f"{number}.png" for number in range(4)]


def groups(files, stated=None) -> set[frozenset[str]]:
    scenes = scenes_of(files, stated)
    return {
        frozenset(file.stem for file, own in zip(files, scenes, strict=True) if own == scene)
        for scene in scenes
    }


def test_lol_has_the_scenes_that_its_readme_counts(shared_dir):
    files = list_images(shared_dir / "data/lowlight/lol_v2_real/high")
    assert (len(files), len(set(scenes_of(files)))) == (92, 40)
    digests = {file: read_image(file).tobytes() for file in files}
    for scene in groups(files):
        pictures = {digests[file] for file in files if file.stem in scene}
        assert len(pictures) == 1


def test_copies_of_any_encoding_are_one_scene(photographs):
    image = read_image(photographs[1])
    equal, jpeg, dark = (photographs[0].with_name(name) for name in ("e.bmp", "j.jpg", "d.png"))
    write_image(equal, image)
    write_image(jpeg, image)
    write_image(dark, (image // 3).astype(np.uint8))
    expected = {frozenset(stem) for stem in ("0", "1ejd", "2", "3")}
    assert groups([*photographs, equal, jpeg, dark]) == expected


def test_what_is_stated_joins_what_is_seen(photographs):
    copy = photographs[0].with_name("c.png")
    write_image(copy, read_image(photographs[2]))
    stated = ["a", "a", "b", "c", "d"]
    assert groups([*photographs, copy], stated) == {
        frozenset(group) for group in (("0", "1"), ("2", "c"), ("3",))
    }
    # One target for two inputs, of different marks: the marks are one scene then.
    assert len(set(scenes_of([photographs[0], photographs[0], photographs[3]], [1, 2, 2]))) == 1


def test_blank_and_unreadable_pictures(tmp_path):
    for name, level in (("white", 255), ("white_too", 255), ("gray", 90)):
        write_image(tmp_path / f"{name}.png", np.full((60, 60, 3), level, np.uint8))
    (tmp_path / "torn.png").write_bytes(b"\x89PNG")
    files = [tmp_path / f"{name}.png" for name in ("white", "white_too", "gray", "torn", "gone")]
    assert groups(files) == {
        frozenset(group) for group in (("white", "white_too"), ("gray",), ("torn",), ("gone",))
    }


def test_a_changed_file_is_looked_at_again(tmp_path, rng):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    first, second = (
        cv2.resize(rng.integers(0, 256, (12, 12, 3), np.uint8), (96, 96)) for _ in range(2)
    )
    write_image(files[0], first)
    write_image(files[1], second)
    assert len(groups(files)) == 2
    write_image(files[1], first)
    assert len(groups(files)) == 1
