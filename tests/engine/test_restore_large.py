"""Pictures restored a few rows at a time come out as those restored in memory, to the bit."""

import resource
from functools import partial

import numpy as np
import pytest
from torch import nn
from torch.nn import functional as F

from engine.restore_files import Job, restore_file
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling.architectures.histogram_equalization import HistogramEqualization
from modeling.descriptor import Descriptor
from tests.modeling.small_architectures import small
from utils import image_rows
from utils.errors import ImageError, PellucidError
from utils.images import read_image, write_image
from utils.resampling import resize_bicubic


class Blur(nn.Module):
    """A mean over 9 x 9 pixels, enlarged."""

    def __init__(self, scale=1):
        super().__init__()
        self.scale = scale
        self.descriptor = Descriptor(channels=0, scale=scale, receptive_field=9)

    def forward(self, x):
        mean = F.avg_pool2d(x, 9, 1, 4, count_include_pad=False)
        return mean.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)


def picture(rng, channels=3, dtype=np.uint8, size=(150, 110)):
    return rng.integers(0, np.iinfo(dtype).max + 1, (*size, channels), dtype=dtype)


@pytest.fixture
def whole_files(monkeypatch):
    """Names of the files that are read whole."""
    read = []
    monkeypatch.setattr(
        "engine.restore_files.read_image",
        lambda path, **options: read.append(path.name) or read_image(path, **options),
    )
    return read


TILES = RestoreOptions(tile=40)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("overlap", [None, 2])
@pytest.mark.parametrize(
    "model",
    [Blur, partial(small, "GlareNet"), HistogramEqualization],
    ids=["Blur", "GlareNet", "HistogramEqualization"],
)
def test_by_rows_is_in_memory(tmp_path, rng, whole_files, model, channels, overlap, dtype):
    image = picture(rng, channels, dtype)
    write_image(tmp_path / "in.png", image)
    restorer = Restorer(model(), "cpu")
    options = RestoreOptions(40, overlap)
    restore_file(restorer, Job(tmp_path / "in.png", tmp_path / "out.tif"), options)
    assert whole_files == []
    restored = read_image(tmp_path / "out.tif", keep_alpha=True)
    assert np.array_equal(restored, restorer.restore(image, options=options))


def test_an_enlarged_one(tmp_path, rng, whole_files):
    image = picture(rng)
    write_image(tmp_path / "in.tif", image)
    restorer = Restorer(Blur(scale=2), "cpu")
    restore_file(restorer, Job(tmp_path / "in.tif", tmp_path / "out.png"), TILES)
    assert whole_files == []
    assert np.array_equal(read_image(tmp_path / "out.png"), restorer.restore(image, options=TILES))


@pytest.mark.parametrize("overlap", [None, 2])
@pytest.mark.parametrize(("scale", "outscale"), [(1, 0.3), (2, 0.7), (1, 1.5)])
def test_at_another_size_it_is_as_if_resized_whole(
    tmp_path, rng, whole_files, scale, outscale, overlap
):
    image = picture(rng)
    write_image(tmp_path / "in.png", image)
    restorer = Restorer(Blur(scale), "cpu")
    options = RestoreOptions(40, overlap, outscale=outscale)
    restore_file(restorer, Job(tmp_path / "in.png", tmp_path / "out.png"), options)
    assert whole_files == []
    restored = read_image(tmp_path / "out.png")
    assert np.array_equal(restored, restorer.restore(image, options=options))
    # The whole picture in one piece, rounded in between.
    large = restorer.restore(image, options=RestoreOptions(40, overlap)).astype(np.float32)
    resized = resize_bicubic(large, round(150 * outscale), round(110 * outscale))
    assert np.abs(restored - resized.clip(0, 255)).max() <= 1.5


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_self_ensemble_is_written_by_rows(tmp_path, rng, whole_files, monkeypatch, channels):
    monkeypatch.setattr("engine.pieces._STRIP", 7 * 110)
    image = picture(rng, channels)
    write_image(tmp_path / "in.png", image)
    restorer, options = Restorer(Blur(), "cpu"), RestoreOptions(40, self_ensemble=True)
    restore_file(restorer, Job(tmp_path / "in.png", tmp_path / "out.png"), options)
    assert whole_files == []
    restored = read_image(tmp_path / "out.png", keep_alpha=True)
    assert np.array_equal(restored, restorer.restore(image, options=options))
    # A mean is the same in all orientations.
    once = restorer.restore(image, options=TILES)
    assert np.abs(restored.astype(int) - once).max() <= 1


@pytest.mark.parametrize(
    ("source", "output", "options"),
    [
        ("in.png", "out.png", RestoreOptions()),
        ("in.webp", "out.png", TILES),
        ("in.png", "out.webp", TILES),
    ],
)
def test_what_needs_the_whole_picture_reads_it_whole(
    tmp_path, rng, whole_files, source, output, options
):
    image = picture(rng)
    write_image(tmp_path / source, image)
    restorer = Restorer(Blur(), "cpu")
    restore_file(restorer, Job(tmp_path / source, tmp_path / output), options)
    assert whole_files == [source]
    assert np.array_equal(read_image(tmp_path / output), restorer.restore(image, options=options))


def test_a_look_in_strips_is_a_look_at_all(rng, monkeypatch):
    image = picture(rng)
    whole = Restorer(small("GlareNet"), "cpu")
    expected = whole.restore(image, options=TILES).astype(int)
    monkeypatch.setattr("engine.network._STRIP", 7 * 110)
    assert np.abs(whole.restore(image, options=TILES) - expected).max() <= 1


def test_memory_that_runs_out_amid_a_file_begins_it_anew(tmp_path, rng, messages):
    class Hungry(Blur):
        def forward(self, x):
            if x.shape[-1] > 30 and x.sum() > 0:
                raise MemoryError
            return super().forward(x)

    image = picture(rng)
    image[:60] = 0  # there is memory for some tiles
    write_image(tmp_path / "in.png", image)
    restore_file(Restorer(Hungry(), "cpu"), Job(tmp_path / "in.png", tmp_path / "out.png"), TILES)
    assert any("restored anew in tiles of 20" in message for message in messages)
    expected = Restorer(Blur(), "cpu").restore(image)
    assert np.array_equal(read_image(tmp_path / "out.png"), expected)


@pytest.mark.parametrize("kept", [0.5, 0.98])
def test_a_damaged_file_leaves_no_result(tmp_path, rng, kept):
    path, output = tmp_path / "in.png", tmp_path / "out" / "a.png"
    write_image(path, picture(rng))
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(ImageError, match=r"in\.png: the file is damaged or incomplete"):
        restore_file(Restorer(Blur(), "cpu"), Job(path, output), TILES)
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("suffix", image_rows.ROW_SUFFIXES)
def test_a_full_disk_leaves_the_old_result(tmp_path, rng, suffix):
    path, output = tmp_path / "in.png", tmp_path / "out" / f"a{suffix}"
    write_image(path, picture(rng))
    write_image(output, old := picture(rng, size=(4, 4)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, limits[1]))
    try:
        with pytest.raises(PellucidError, match=rf"a{suffix}: cannot be written"):
            restore_file(Restorer(Blur(), "cpu"), Job(path, output), TILES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert np.array_equal(read_image(output), old)
    assert [file.name for file in output.parent.iterdir()] == [output.name]
