"""Any picture goes in, and comes out at its own size, depth and channels."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from config import from_dict
from engine.checkpoint import save_weights
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling import ARCHITECTURES
from modeling.build import build_model
from modeling.descriptor import Descriptor
from utils.errors import CheckpointError, ConfigError, ImageError, PellucidError

LUMA = np.array([0.299, 0.587, 0.114])


class Model(nn.Module):
    """A function as an architecture."""

    def __init__(self, function, channels=0, scale=1):
        super().__init__()
        self.function = function
        self.descriptor = Descriptor(channels=channels, scale=scale)
        self.seen = []

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        return self.function(x)


@ARCHITECTURES.register
class RestorerTestScale(nn.Module):
    """x * factor, as weights that can be saved."""

    descriptor = Descriptor(channels=0, precisions=("float32",))

    def __init__(self, factor: float = 0.5):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return x * self.factor


def picture(rng, channels, dtype, size=(37, 23)):
    return rng.integers(0, np.iinfo(dtype).max + 1, (*size, channels), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("takes", [0, 1, 3])
def test_identity_gives_the_picture_back(rng, dtype, channels, takes):
    image = picture(rng, channels, dtype)
    restored = Restorer(Model(lambda x: x, takes), "cpu").restore(image)
    assert restored.dtype == dtype
    # Through luminance and back, float32 is exact to far less than a step of 16 bit.
    assert np.array_equal(restored, image)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (511, 3), (64, 64)])
def test_any_size(rng, size):
    image = picture(rng, 3, np.uint8, size)
    assert np.array_equal(Restorer(Model(lambda x: x, 1), "cpu").restore(image), image)


def test_output_is_clamped_and_rounded_not_truncated():
    image = np.array([[[0], [100], [200], [255]]], np.uint8)
    restored = Restorer(Model(lambda x: x * 1.5 - 0.25 / 255), "cpu").restore(image)
    assert restored.ravel().tolist() == [0, 150, 255, 255]


def test_channels_that_the_model_sees(rng):
    for takes, channels, seen in [(0, 1, 1), (0, 3, 3), (1, 3, 1), (3, 1, 3), (0, 4, 3)]:
        model = Model(lambda x: x, takes)
        Restorer(model, "cpu").restore(picture(rng, channels, np.uint8))
        assert model.seen == [(1, seen, 37, 23)]


def test_colour_returns_when_a_gray_model_removes_white_light(rng):
    clean = rng.uniform(0.02, 0.98, (40, 50, 3))
    rows, columns = np.mgrid[:40, :50]
    light = 0.6 * np.exp(-((rows - 20) ** 2 + (columns - 25) ** 2) / 200)[..., None] + 0.02
    glared = clean + light * (1 - 0.7 * clean)
    lost = (glared > 1).any(axis=2)
    image = np.rint(glared.clip(0, 1) * 255).astype(np.uint8)
    truth = torch.from_numpy((clean @ LUMA)[None, None]).float()
    restored = Restorer(Model(lambda x: truth, 1), "cpu").restore(image)
    error = np.abs(restored / 255 - clean)
    assert lost.mean() < 0.2  # most of the picture is a fair test
    # Rounding the input to 8 bit is magnified by 1 / (1 - 0.7 L), here up to 1.8.
    assert error[~lost].max() <= 2 / 255
    # The harm is there to begin with.
    assert np.abs(image / 255 - clean).mean() > 20 / 255


def test_scale_is_kept_by_colour_and_transparency(rng):
    image = np.empty((10, 12, 4), np.uint8)
    image[...] = (200, 100, 50, 70)
    for takes in (0, 1, 3):
        model = Model(lambda x: F.interpolate(x, scale_factor=2), takes, scale=2)
        restored = Restorer(model, "cpu").restore(image)
        assert restored.shape == (20, 24, 4)
        assert np.array_equal(restored, np.broadcast_to(image[:1, :1], restored.shape))


def test_the_model_is_put_into_eval():
    image = np.full((8, 8, 1), 100, np.uint8)
    restorer = Restorer(Model(nn.Dropout(0.5)).train(), "cpu")
    assert np.array_equal(restorer.restore(image), image)


def test_sixteen_bits_are_computed_in_float32():
    seen = []

    class Layer(nn.Conv2d):
        descriptor = Descriptor(channels=1)

        def forward(self, x):
            y = super().forward(x)
            seen.append(y.dtype)
            return y

    restorer = Restorer(Layer(1, 1, 1), "cpu", "bf16")
    for dtype in (np.uint8, np.uint16):
        restorer.restore(np.zeros((4, 4, 1), dtype))
    assert seen == [torch.bfloat16, torch.float32]


def test_refusals(rng):
    restorer = Restorer(Model(lambda x: x), "cpu")
    with pytest.raises(ImageError, match=r"a.png: an array of shape \(4, 4, 2\)"):
        restorer.restore(np.zeros((4, 4, 2), np.uint8), "a.png")
    with pytest.raises(ImageError, match="float64"):
        restorer.restore(np.zeros((4, 4, 3)))
    with pytest.raises(ImageError, match="not finite"):
        Restorer(Model(lambda x: x / 0), "cpu").restore(np.zeros((4, 4, 1), np.uint8))
    huge = Restorer(Model(lambda x: x.expand(2**40, -1, -1, -1).clone()), "cpu")
    with pytest.raises(ImageError, match="big.png: 23x37 pixels do not fit into the memory of cpu"):
        huge.restore(picture(rng, 3, np.uint8), "big.png")
    with pytest.raises(RuntimeError, match="a defect"):  # other failures are not disguised

        def defect(x):
            raise RuntimeError("a defect")

        Restorer(Model(defect), "cpu").restore(picture(rng, 3, np.uint8))


class Skewed(nn.Module):
    """A fixed convolution that no flip or rotation leaves alone."""

    descriptor = Descriptor(channels=0, receptive_field=3)
    kernel = torch.tensor([[[[0.1, 0.3, -0.2], [0.0, 0.5, 0.2], [0.3, -0.1, 0.0]]]])

    def forward(self, x):
        return F.conv2d(x.movedim(0, 1), self.kernel, padding=1).movedim(0, 1)


@pytest.mark.parametrize("tile", [None, 16])
def test_self_ensemble_is_the_mean_over_the_eight_symmetries(rng, tile):
    image = picture(rng, 3, np.uint16, (41, 30))
    options = RestoreOptions(tile=tile, self_ensemble=True)
    restored = Restorer(Skewed(), "cpu").restore(image, options=options)
    # Convolving the turned picture and turning back is convolving with the kernel turned back.
    kernels = [Skewed.kernel.rot90(k, (2, 3)) for k in range(4)]
    kernels += [kernel.flip(3) for kernel in kernels]
    mean = torch.stack(kernels).mean(dim=0)
    planes = torch.from_numpy(image.astype(np.float32)).movedim(-1, 0)[:, None]
    expected = F.conv2d(planes, mean, padding=1)[:, 0].movedim(0, -1).numpy()
    assert np.abs(restored - expected.clip(0, 65535)).max() <= 1


@pytest.mark.parametrize("factor", [0.5, 1, 2, 3.3])
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (4, np.uint8), (3, np.uint16)])
def test_outscale_is_the_size_whatever_the_models(rng, factor, channels, dtype):
    image = np.full((21, 34, channels), np.iinfo(dtype).max // 3, dtype)
    image[..., -1] //= 2
    model = Model(lambda x: F.interpolate(x, scale_factor=2), scale=2)
    restored = Restorer(model, "cpu").restore(image, options=RestoreOptions(outscale=factor))
    assert restored.shape == (round(21 * factor), round(34 * factor), channels)
    assert restored.dtype == dtype
    assert np.array_equal(restored, np.broadcast_to(image[:1, :1], restored.shape))


@pytest.mark.parametrize(
    ("factor", "free", "said"),
    [
        (1e4, None, "would become 230000x370000 pixels, more than the 1,073,741,824 that"),
        (1e-3, None, "nothing of 23x37 pixels would be left"),
        (100, 10**7, "would become 2300x3700 pixels, which take 0.1 GB of memory, and 0.0 GB are"),
    ],
)
def test_a_size_that_cannot_be_had_is_refused_before_the_work(rng, monkeypatch, factor, free, said):
    monkeypatch.setattr("engine.picture_form.free_memory", lambda: free)
    model = Model(lambda x: x)
    with pytest.raises(ImageError, match=f"a.png: {said}"):
        image = picture(rng, 3, np.uint8)
        Restorer(model, "cpu").restore(image, "a.png", RestoreOptions(outscale=factor))
    assert model.seen == []


class OnlySmall(nn.Module):
    """The identity, which has memory for so many pixels and no more."""

    descriptor = Descriptor(channels=0, receptive_field=9, size_multiple=4)

    def __init__(self, most):
        super().__init__()
        self.most = most
        self.given = []

    def forward(self, x):
        if x.shape[-2] * x.shape[-1] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.given.append(x.shape[-2] * x.shape[-1])
        return x.clone()


@pytest.mark.parametrize("options", [RestoreOptions(), RestoreOptions(tile=100, tile_overlap=2)])
def test_running_out_of_memory_makes_tiles_smaller(rng, messages, options):
    image = picture(rng, 3, np.uint8, (200, 150))
    model = OnlySmall(60 * 60)
    restorer = Restorer(model, "cpu")
    assert np.array_equal(restorer.restore(image, "large.png", options), image)
    assert messages[0].startswith("large.png: ")
    assert "restored anew in tiles of" in messages[0]
    told = len(messages)
    # What did not fit once is not tried again.
    assert np.array_equal(restorer.restore(image, "next.png", options), image)
    assert len(messages) == told
    with pytest.raises(ImageError, match="200 pixels do not fit .* nor do tiles of it"):
        Restorer(OnlySmall(10), "cpu").restore(image, "large.png", options)


@pytest.mark.parametrize("needed", [0.5, 2, 40])
def test_tiles_are_chosen_by_the_memory_that_is_there(rng, monkeypatch, messages, needed):
    image = picture(rng, 3, np.uint8, (400, 300))
    bytes_of_picture = 400 * 300 * 3 * 4
    monkeypatch.setattr(
        "engine.tile_choice.available_bytes", lambda device: 4 * bytes_of_picture / needed
    )
    model = OnlySmall(10**9)
    assert np.array_equal(Restorer(model, "cpu").restore(image, "a.png"), image)
    assert (max(model.given[1:]) == 400 * 300) == (needed == 0.5)  # the first is what it measured
    told = [said.startswith("a.png: 300x400 pixels take about") for said in messages]
    assert told == ([] if needed == 0.5 else [True])


def test_weights_alone_are_enough(rng, tmp_path):
    cfg = from_dict({"MODEL": {"NAME": "RestorerTestScale", "ARGS": {"factor": 0.25}}})
    model = build_model(cfg)
    with torch.no_grad():
        model.factor.fill_(0.5)
    save_weights(tmp_path / "w.safetensors", model, cfg, {})
    restored = Restorer.from_weights(tmp_path / "w.safetensors", "cpu").restore(
        np.full((5, 6, 3), 200, np.uint8)
    )
    assert np.unique(restored).tolist() == [100]


def test_weights_that_cannot_be_used(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(CheckpointError, match="no such weights file"):
        Restorer.from_weights(path, "cpu")
    save_file({"factor": torch.ones(())}, str(path))
    with pytest.raises(PellucidError, match=r"w\.safetensors: is .*spandrel"):
        Restorer.from_weights(path, "cpu")
    config = {"MODEL": {"NAME": "LabNet"}, "PLUGINS": ["my_lab.models"]}
    save_file({"factor": torch.ones(())}, str(path), {"config": json.dumps(config)})
    with pytest.raises(CheckpointError, match=r"LabNet.*my_lab\.models"):
        Restorer.from_weights(path, "cpu")
    with pytest.raises(ConfigError, match="DEVICE"):
        Restorer.from_weights(path, "tpu")
