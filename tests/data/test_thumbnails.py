"""Thumbnails of files: what is looked at, and what is told instead."""

import numpy as np
import pytest

from data.thumbnails import SIDE, WHOLE, thumbnails_of
from utils.errors import ImageError
from utils.images import write_image


def test_a_thumbnail_is_the_mean_of_what_it_covers(tmp_path, rng):
    levels = rng.integers(0, 256, (2 * SIDE, 3 * SIDE, 1), np.uint8)
    write_image(tmp_path / "a.png", levels)
    ((file, thumbnail),) = thumbnails_of({tmp_path / "a.png": WHOLE}, "test")
    means = levels.reshape(SIDE, 2, SIDE, 3).mean(axis=(1, 3))
    assert file == tmp_path / "a.png" and thumbnail == pytest.approx(means, abs=1e-3)


def test_panels_depth_and_damage(tmp_path):
    deep = np.repeat(np.array([0, 100, 65535], np.uint16), 50)[None, :, None].repeat(60, axis=0)
    write_image(tmp_path / "deep.png", deep)
    write_image(tmp_path / "narrow.png", np.zeros((4, 2, 1), np.uint8))
    (tmp_path / "torn.png").write_bytes((tmp_path / "deep.png").read_bytes()[:80])
    wanted = {"deep.png": (2, 3), "narrow.png": (0, 3), "torn.png": WHOLE}
    made = thumbnails_of({tmp_path / name: panel for name, panel in wanted.items()}, "test")
    told = {file.name: result for file, result in made}
    assert told["deep.png"] == pytest.approx(np.full((SIDE, SIDE), 255.0))
    assert told["narrow.png"] is None and isinstance(told["torn.png"], ImageError)
    ((_, nothing),) = thumbnails_of({tmp_path / "deep.png": None}, "test")
    assert nothing is None
