"""Rows of picture files: the pixels that whole files give, however the file ends."""

import resource

import numpy as np
import pytest

from utils.errors import ImageError, PellucidError
from utils.image_rows import RowWriter, opened_rows
from utils.images import read_image, write_image

WRITTEN = [(".png", 1), (".png", 3), (".png", 4), (".tif", 1), (".tif", 3), (".tif", 4)]


def picture(rng, channels, dtype=np.uint8, size=(90, 70)):
    return rng.integers(0, np.iinfo(dtype).max + 1, (*size, channels), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("suffix", "channels"), [*WRITTEN, (".jpg", 1), (".jpg", 3)])
def test_rows_are_those_of_the_whole_picture(tmp_path, rng, suffix, channels, dtype):
    path = tmp_path / f"a{suffix}"
    write_image(path, picture(rng, channels, np.uint8 if suffix == ".jpg" else dtype))
    whole = read_image(path, keep_alpha=True)
    with opened_rows(path) as rows:
        assert (rows.shape, rows.dtype) == (whole.shape, whole.dtype)
        # On, overlapping what came before, on with a gap, back, and everything.
        for top, bottom in ((0, 20), (10, 40), (12, 30), (60, 64), (5, 9), (0, 90)):
            part = rows[top:bottom, 3:60]
            assert np.array_equal(part, whole[top:bottom, 3:60])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("suffix", "channels"), WRITTEN)
def test_parts_become_a_whole_picture(tmp_path, rng, suffix, channels, dtype):
    path, image = tmp_path / f"a{suffix}", picture(rng, channels, dtype)
    writer = RowWriter(path, "a", image.shape, image.dtype)
    for rows in (slice(0, 33), slice(33, 60), slice(60, 90)):
        for columns in (slice(0, 40), slice(40, 70)):
            writer[rows, columns] = image[rows, columns]
    writer.finish()
    assert np.array_equal(read_image(path, keep_alpha=True), image)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_file_that_is_cut_short_is_named(tmp_path, rng, suffix, kept):
    path = tmp_path / f"a{suffix}"
    write_image(path, picture(rng, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ImageError, match=f"a{suffix}") as caught, opened_rows(path) as rows:
        rows[0:90, 0:70]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("limit", [0, 5_000, 18_000])
def test_a_full_disk_is_told(tmp_path, rng, suffix, limit):
    image = picture(rng, 3)  # noise, of 18,900 bytes
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(PellucidError, match="result: cannot be written"):
            writer = RowWriter(tmp_path / f"a{suffix}", "result", image.shape, image.dtype)
            writer[0:90, 0:70] = image
            writer.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
