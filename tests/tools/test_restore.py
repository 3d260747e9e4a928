"""tools/restore.py: files, folders and patterns, written beside nothing that is there."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file
from torch import nn

from config import from_dict
from engine.checkpoint import save_weights
from modeling import ARCHITECTURES
from modeling.descriptor import Descriptor
from tests.forks import run
from tools.restore import build_parser, main
from utils.command_line import run_tool
from utils.images import read_image, write_image

REPOSITORY = Path(__file__).resolve().parents[2]


@ARCHITECTURES.register
class RestoreToolInvert(nn.Module):
    """1 - x."""

    descriptor = Descriptor(channels=0)

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.one - x


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "invert.safetensors"
    save_weights(path, RestoreToolInvert(), from_dict({"MODEL": {"NAME": "RestoreToolInvert"}}), {})
    return path


@pytest.fixture
def restore(weights):
    """Run the tool in this process; gives its exit status."""

    def run(*words):
        command = [*map(str, words), "--weights", str(weights), "--device", "cpu"]
        return run_tool(main, build_parser(), command)

    return run


@pytest.fixture
def pictures(tmp_path, rng):
    """A folder of pictures of every kind that is written without loss: name -> array."""
    folder = tmp_path / "in"
    arrays = {
        "gray.png": rng.integers(0, 256, (20, 31, 1), dtype=np.uint8),
        "colour.PNG": rng.integers(0, 256, (33, 17, 3), dtype=np.uint8),
        "deep.png": rng.integers(0, 65536, (20, 20, 3), dtype=np.uint16),
        "deep_gray.tif": rng.integers(0, 65536, (20, 20, 1), dtype=np.uint16),
        "alpha.png": rng.integers(0, 256, (20, 20, 4), dtype=np.uint8),
        "plain.bmp": rng.integers(0, 256, (20, 20, 3), dtype=np.uint8),
        "web.webp": rng.integers(0, 256, (20, 20, 3), dtype=np.uint8),
    }
    for name, array in arrays.items():
        write_image(folder / name, array)
    return folder, arrays


def inverted(array):
    result = np.iinfo(array.dtype).max - array
    if array.shape[2] == 4:
        result[..., 3] = array[..., 3]
    return result


def test_a_folder_with_every_kind_of_picture(restore, pictures, tmp_path, capsys):
    folder, arrays = pictures
    (folder / "notes.txt").write_text("not a picture")
    assert restore(folder, "-o", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(arrays)
    for name, array in arrays.items():
        restored = read_image(tmp_path / "out" / name, keep_alpha=True)
        assert restored.dtype == array.dtype
        assert np.array_equal(restored, inverted(array)), name
    captured = capsys.readouterr()
    assert "7 pictures restored" in captured.out
    assert captured.err == ""  # no progress bar off a terminal


def test_quoted_patterns_files_and_repeats(restore, pictures, tmp_path):
    folder, _ = pictures
    write_image(folder / "odd[1].png", np.zeros((4, 4, 1), np.uint8))
    words = [folder / "d*", folder / "gray.png", folder / "." / "gray.png", folder / "odd[1].png"]
    assert restore(*words, "-o", tmp_path / "out") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["deep.png", "deep_gray.tif", "gray.png", "odd[1].png"]


def test_one_picture_to_a_file_of_another_format(restore, pictures, tmp_path, capsys):
    folder, arrays = pictures
    out = tmp_path / "new" / "clear.jpg"
    smooth = np.tile(np.linspace(0, 65535, 64).astype(np.uint16)[:, None, None], (1, 64, 4))
    write_image(folder / "smooth.png", smooth)
    assert restore(folder / "smooth.png", "-o", out) == 0
    restored = read_image(out)
    assert restored.dtype == np.uint8
    assert np.abs(restored - (255 - smooth[..., :3] / 257)).max() < 4
    assert "holds no transparency" in capsys.readouterr().out
    assert restore(folder / "gray.png", "-o", tmp_path / "clear.tiff") == 0
    assert np.array_equal(read_image(tmp_path / "clear.tiff"), inverted(arrays["gray.png"]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_restored_upright(restore, tmp_path, orientation):
    array = np.zeros((40, 64, 3), np.uint8)
    array[:20, :16] = (255, 0, 0)
    image = Image.fromarray(array)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "turned.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "turned.png")))
    assert restore(tmp_path / "turned.png", "-o", tmp_path / "out") == 0
    with Image.open(tmp_path / "out" / "turned.png") as saved:
        # A viewer must not turn it a second time.
        assert saved.getexif().get(0x0112, 1) == 1
        assert np.array_equal(np.asarray(saved), 255 - upright)


def test_nothing_is_overwritten_without_force(restore, pictures, tmp_path, capsys):
    folder, arrays = pictures
    there = tmp_path / "out" / "web.webp"
    there.parent.mkdir()
    there.write_bytes(b"precious")
    assert restore(folder, "-o", tmp_path / "out") == 2
    assert "web.webp: already there; use --force" in capsys.readouterr().err
    assert [path.name for path in there.parent.iterdir()] == ["web.webp"]  # before any work
    assert there.read_bytes() == b"precious"
    assert restore(folder, "-o", folder) == 2  # its own inputs least of all
    assert np.array_equal(read_image(folder / "gray.png"), arrays["gray.png"])
    assert restore(folder, "-o", tmp_path / "out", "--force") == 0
    assert np.array_equal(read_image(there), inverted(arrays["web.webp"]))


def test_phases_are_told_on_request(restore, pictures, tmp_path, capsys):
    assert restore(pictures[0], "-o", tmp_path / "out", "--profile") == 0
    told = capsys.readouterr().out
    for name in ("reading pictures", "network", "writing pictures", "everything else"):
        assert name in told


def test_options_reach_every_picture(restore, pictures, tmp_path):
    folder, arrays = pictures
    options = ["--tile", "16", "--tile-overlap", "4", "--self-ensemble", "--outscale", "1.5"]
    assert restore(folder, "-o", tmp_path / "out", *options) == 0
    for name, array in arrays.items():
        restored = read_image(tmp_path / "out" / name, keep_alpha=True)
        height, width, channels = array.shape
        assert restored.shape == (round(1.5 * height), round(1.5 * width), channels)
        assert restored.dtype == array.dtype
        kind = Image.fromarray(inverted(array)[..., 0].astype(np.float32))
        expected = np.asarray(kind.resize(restored.shape[1::-1], Image.Resampling.BICUBIC))
        # Pillow's edges differ: it leaves out what lies beyond, the resampling here mirrors it.
        inner = slice(3, -3), slice(3, -3)
        wrong = restored[..., 0][inner] - expected[inner].clip(0, np.iinfo(array.dtype).max)
        assert np.abs(wrong).max() <= 0.51 * max(1, np.iinfo(array.dtype).max / 65535)


def test_two_results_of_one_name_are_refused(restore, pictures, tmp_path, capsys):
    folder, arrays = pictures
    write_image(tmp_path / "more" / "gray.png", arrays["gray.png"])
    assert restore(folder, tmp_path / "more", "-o", tmp_path / "out", "--force") == 2
    assert "would both be written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_broken_picture_does_not_stop_the_others(restore, pictures, tmp_path, capsys):
    folder, arrays = pictures
    (folder / "broken.png").write_bytes((folder / "gray.png").read_bytes()[:60])
    (folder / "empty.jpg").touch()
    assert restore(folder, "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "2 of 9 files were not restored" in error
    assert "broken.png" in error
    assert "empty.jpg" in error
    assert "Traceback" not in error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(arrays)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.png"], "nowhere.png: there is no such file"),
        (["in/*.gif"], "no picture or video matches"),
        (["void"], "void: holds no pictures or videos"),
        (["notes.txt"], "not a picture or video by its suffix"),
        (["in", "-o", "one.png"], "one.png: is one file, but there are 7 pictures"),
        (["in", "-o", "notes.txt"], "notes.txt: is a file"),
        (["in", "--tile", "0"], "tile: 0; give 16 pixels or more"),
        (["in", "--tile", "15"], "tile: 15; give 16 pixels or more"),
        (["in", "--tile", "64", "--tile-overlap", "-1"], "tile_overlap: -1"),
        (["in", "--outscale", "0"], "outscale: 0.0; give a factor from 0.0001 to 10000"),
        (["in", "--outscale", "-2"], "outscale: -2.0; give a factor from"),
        (["in", "--outscale", "nan"], "outscale: nan; give a factor from"),
        (["in", "--outscale", "inf"], "outscale: inf; give a factor from"),
        (["in", "--outscale", "1e300"], "outscale: 1e+300; give a factor from"),
        (["in", "--outscale", "1e-9"], "outscale: 1e-09; give a factor from"),
        (["in/gray.png", "--outscale", "1e4"], "gray.png: would become 310000x200000 pixels, more"),
        (["in/gray.png", "--outscale", "1e-3"], "gray.png: nothing of 31x20 pixels would be left"),
        (
            ["in/web.webp", "--outscale", "1000"],
            "out/web.webp: cannot be 20000x20000 pixels; .webp ends at 16,383 to a side",
        ),
        (["in/gray.png", "-o", "out.mp4"], "a picture cannot become a video, out.mp4"),
        (["in", "--device", "tpu"], "DEVICE: 'tpu'"),
        (["in", "--weights", "no.safetensors"], "no.safetensors"),
        (["in", "--plugin", "no_such_lab"], "no_such_lab"),
    ],
)
def test_refusals_are_short_and_leave_nothing(
    weights, pictures, tmp_path, monkeypatch, capsys, words, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "void").mkdir()
    (tmp_path / "notes.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    command = ["-o", "out", "--weights", str(weights), *words]
    assert run_tool(main, build_parser(), command) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert len(captured.err.strip().splitlines()) <= 2
    assert sorted(tmp_path.rglob("*")) == before


PLUGIN = """
import torch
from torch import nn
from modeling import ARCHITECTURES
from modeling.descriptor import Descriptor

@ARCHITECTURES.register
class LabHalf(nn.Module):
    descriptor = Descriptor(channels=0)
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))
    def forward(self, x):
        return x * self.factor
"""


def test_from_any_folder_with_an_architecture_of_ones_own(tmp_path):
    (tmp_path / "lab_parts.py").write_text(PLUGIN)
    write_image(tmp_path / "a.png", np.full((6, 7, 3), 200, np.uint8))
    config = json.dumps({"MODEL": {"NAME": "LabHalf"}, "PLUGINS": ["lab_parts"]})
    state = {"factor": torch.tensor(0.5)}
    save_file(state, str(tmp_path / "lab.safetensors"), {"config": config})
    words = "a.png -o out --weights lab.safetensors --device cpu --plugin lab_parts"
    ended = run("restore", *words.split(), folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert np.unique(read_image(tmp_path / "out" / "a.png")).tolist() == [100]


def test_a_region_alone_is_restored(restore, tmp_path, shared_dir):
    portrait = skimage.data.astronaut()
    write_image(tmp_path / "in" / "portrait.png", portrait)
    model = shared_dir / "data" / "weights" / "yunet_n_640_640.onnx"
    words = (tmp_path / "in", "-o", tmp_path / "out", "--region", "mouth")
    assert restore(*words, "--detector-model", model) == 0
    result = read_image(tmp_path / "out" / "portrait.png")
    changed = (result != portrait).any(axis=2)
    assert changed[148, 222] and 0.01 < changed.mean() < 0.05
    assert restore(*words, "--force", "--detector-model", tmp_path / "none.onnx") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--detector", "dlib"], "for --region"),
        (["--detector-model", "a.onnx"], "for --region"),
        (["--pixelation-detector", "a.safetensors"], "with --auto only"),
        (["--profile", "--manifest", "done.jsonl"], "without --manifest"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(tmp_path, capsys, words, message):
    write_image(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    words = [str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), *words]
    assert run_tool(main, build_parser(), words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()


def test_a_config_serves_where_nothing_is_to_be_learnt(tmp_path, rng):
    picture = rng.integers(0, 256, (20, 30, 3), np.uint8)
    write_image(tmp_path / "a.png", picture)
    (tmp_path / "sharpen.yml").write_text("MODEL: {NAME: Sharpen, ARGS: {amount: 0.0}}")
    (tmp_path / "unet.yml").write_text("MODEL: {NAME: UNet}")
    words = [str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "--weights"]
    assert run_tool(main, build_parser(), [*words, str(tmp_path / "sharpen.yml")]) == 0
    assert np.array_equal(read_image(tmp_path / "b.png"), picture)
    assert run_tool(main, build_parser(), [*words, str(tmp_path / "unet.yml"), "--force"]) == 2
