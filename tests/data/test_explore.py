"""Exploring a folder: figures against other programs, and a page whose links lead somewhere."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from data.explore import explore, measure, write_report
from tests.forks import run
from utils.errors import DataError
from utils.images import image_size, write_image

PLOTS = {"sizes.png", "brightness.png", "sharpness.png", "samples_HR.png", "samples_LR.png"}


@pytest.fixture
def folder(tmp_path, rng) -> Path:
    place = tmp_path / "photographs & more"
    for number, size in enumerate([(40, 60), (40, 60), (300, 270), (3, 5)]):
        write_image(place / f"{number}.png", rng.integers(0, 256, (*size, 3), np.uint8))
    write_image(place / "below" / "gray.tif", rng.integers(0, 65536, (50, 20, 1), np.uint16))
    return place


def test_brightness_and_sharpness_are_pillows_and_scipys(folder):
    found = explore(folder)
    assert [file.name for file in found.files] == ["0.png", "1.png", "2.png", "3.png", "gray.tif"]
    assert found.sizes == [(40, 60), (40, 60), (300, 270), (3, 5), (50, 20)]
    luma = np.asarray(Image.open(folder / "2.png").convert("L"), dtype=float)
    assert found.brightness[2] == pytest.approx(luma.mean(), abs=0.1)
    laplacian = scipy.ndimage.laplace(luma, mode="mirror")
    assert found.sharpness[2] == pytest.approx(laplacian.var(), rel=1e-2)
    deep = np.asarray(Image.open(folder / "below" / "gray.tif"), dtype=float) / 257
    assert found.brightness[4] == pytest.approx(deep.mean(), abs=1e-2)


def test_blur_lowers_sharpness(rng):
    noise = rng.integers(0, 256, (60, 60)).astype(float)
    blurred = scipy.ndimage.gaussian_filter(noise, 1)
    assert measure(blurred)[1] < measure(noise)[1] / 10
    assert measure(np.full((9, 9), 77.0)) == (77.0, 0.0)


def test_the_page_links_to_what_is_there_and_names_what_is_not_readable(folder, tmp_path):
    (folder / "<broken>.png").write_bytes(b"no picture")
    page = write_report(explore(folder), folder, tmp_path / "out", scale=4, samples=3)
    assert {path.name for path in page.parent.iterdir()} == PLOTS | {"index.html"}
    text = page.read_text()
    assert set(re.findall(r'src="([^"]+)"', text)) == PLOTS
    assert "photographs &amp; more" in text and "&lt;broken&gt;.png" in text
    assert "1 unreadable" in text and "5 pictures" in text
    for plot in PLOTS:
        height, width = image_size(page.parent / plot)
        assert min(height, width) > 100


def test_a_grid_of_equal_pictures_shows_their_pixels(tmp_path):
    for number in range(5):
        write_image(
            tmp_path / "in" / f"{number}.png", np.full((64, 64, 3), [250, 10, 10], np.uint8)
        )
    write_report(explore(tmp_path / "in"), tmp_path / "in", tmp_path / "out", samples=4)
    for name in ("samples_HR.png", "samples_LR.png"):
        drawn = np.asarray(Image.open(tmp_path / "out" / name).convert("RGB"))
        assert (drawn == [250, 10, 10]).all(axis=2).mean() > 0.8


def test_nothing_to_explore_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        explore(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no picture"):
        explore(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of its 1 pictures can be read"):
        explore(tmp_path)


def test_the_tool_says_where_the_page_is(folder, tmp_path):
    done = run("explore_data", folder, "--samples", 2, folder=tmp_path)
    page = Path("output", "explore", folder.name, "index.html")
    assert done.returncode == 0 and str(page) in done.stdout
    assert (tmp_path / page).is_file()
