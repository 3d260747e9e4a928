"""Exported networks: equal to PyTorch's at any size, enough by themselves, or not kept at all."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from engine.detector import Detector
from engine.export import export_onnx
from engine.interruption import Stopped, working_while
from engine.model_files import StoredModel, load_model, load_network
from engine.onnx_network import load_onnx
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from engine.systems import DETECTION_WEIGHTS, SYSTEMS
from modeling.descriptor import Descriptor
from tests.modeling.small_architectures import small
from utils.errors import CheckpointError, ConfigError

pytestmark = pytest.mark.apart

onnx = pytest.importorskip("onnx", reason="needs requirements-serve.txt")
pytest.importorskip("onnxscript", reason="needs requirements-serve.txt")
pytest.importorskip("onnxruntime", reason="needs requirements-serve.txt")

# One file of each architecture that has default weights.
WEIGHTS = {
    type(load_network(path).model).__name__: path
    for path in (
        *(path for system in SYSTEMS.values() for path in system.weights.values()),
        DETECTION_WEIGHTS,
    )
}


def picture(rng, height, width, channels=3, dtype=np.uint8):
    return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


@pytest.fixture(scope="module")
def files():
    """The bytes of small networks that were exported already."""
    return {}


@pytest.fixture
def exported(files, tmp_path):
    """Exports a small network; gives the network and the file."""

    def export(name):
        model, path = small(name), tmp_path / f"{name}.onnx"
        if name not in files:
            files[name] = export_onnx(StoredModel(model, None, {}), path).path.read_bytes()
        path.write_bytes(files[name])
        return model, path

    return export


@pytest.mark.parametrize("name", WEIGHTS)
def test_what_has_default_weights_is_exported_and_agrees_with_pytorch(name, rng, tmp_path):
    stored = load_network(WEIGHTS[name])
    told = export_onnx(stored, tmp_path / "network.onnx")
    if name == "PixelationDetector":
        is_enough_to_classify_with(told.path, rng)
    assert told.architecture == name and told.difference <= 1e-4
    onnx.checker.check_model(onnx.load(told.path))
    graph = load_onnx(told.path)
    for batch, height, width in ((1, 71, 45), (2, 58, 83)):  # none that exporting tried
        x = torch.rand(batch, graph.descriptor.channels, height, width)
        with torch.inference_mode():
            torch.testing.assert_close(graph(x), stored.model.eval()(x), atol=1e-4, rtol=0)


def is_enough_to_classify_with(path, rng):
    image = picture(rng, 90, 120)
    expected = Detector.from_weights(DETECTION_WEIGHTS, "cpu").classify(image)
    assert Detector.from_weights(path, "cpu", "auto").classify(image) == pytest.approx(
        expected, abs=1e-4
    )
    with pytest.raises(CheckpointError, match="PixelationDetector tells what a picture is"):
        Restorer.from_weights(path, "cpu", "auto")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["EDSR", "UNet"])
def test_a_file_alone_is_enough_to_restore_with_whole_and_in_tiles(name, dtype, exported, rng):
    model, path = exported(name)
    image = picture(rng, 75, 53, 4, dtype)  # with transparency
    restorer = Restorer.from_weights(path, backend="auto")
    whole = restorer.restore(image)
    tolerance = {np.uint8: 1, np.uint16: 3}[dtype]
    for other in (
        Restorer(model, "cpu").restore(image),
        restorer.restore(image, options=RestoreOptions(tile=16)),
    ):
        assert whole.dtype == other.dtype == dtype and whole.shape == other.shape
        assert np.abs(whole.astype(int) - other).max() <= tolerance


def test_what_takes_any_channels_restores_gray_as_gray(exported, rng):
    model, path = exported("GlareNet")
    gray = picture(rng, 60, 41, 1)
    restored = Restorer.from_weights(path, backend="auto").restore(gray)
    assert restored.shape == gray.shape
    assert np.abs(restored.astype(int) - Restorer(model, "cpu").restore(gray)).max() <= 1


def test_tiles_that_need_a_look_at_the_whole_are_refused(exported, rng):
    _, path = exported("GlareNet")
    restorer = Restorer.from_weights(path, backend="auto")
    with pytest.raises(ConfigError, match="GlareNet looks at the whole picture before"):
        restorer.restore(picture(rng, 64, 64), options=RestoreOptions(tile=16))


def test_a_graph_stops_when_nobody_waits_for_it(exported):
    _, path = exported("UNet")
    graph = load_onnx(path)
    questions = itertools.count()
    with working_while(lambda: next(questions) < 2), pytest.raises(Stopped):
        graph(torch.rand(1, 3, 4000, 4000))  # takes far longer than until it is asked
    assert torch.isfinite(graph(torch.rand(1, 3, 37, 53))).all()


class Untrue(nn.Module):
    """A network whose traced graph is not what it computes."""

    descriptor = Descriptor()

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.conv(x) + (0.001 if torch.compiler.is_compiling() else 0.0)


def test_a_graph_that_differs_is_not_kept(tmp_path):
    path = tmp_path / "untrue.onnx"
    path.write_text("what was there")
    with pytest.raises(CheckpointError, match=r"Untrue: .* 1.0e-03 at 53x37, batch 1"):
        export_onnx(StoredModel(Untrue().eval(), None, {}), path)
    assert [file.name for file in tmp_path.iterdir()] == ["untrue.onnx"]
    assert path.read_text() == "what was there"


@pytest.mark.parametrize("harm", ["cut", "empty", "text", "picture"])
def test_a_harmed_file_is_refused_in_one_line(harm, exported):
    _, path = exported("EDSR")
    data = path.read_bytes()
    path.write_bytes(
        {
            "cut": data[: len(data) // 2],
            "empty": b"",
            "text": b"weights",
            "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        }[harm]
    )
    with pytest.raises(CheckpointError) as refused:
        load_model(path)
    assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)


def test_a_file_of_another_program_is_refused(exported):
    _, path = exported("EDSR")
    graph = onnx.load(path)
    del graph.metadata_props[:]
    onnx.save(graph, path)
    with pytest.raises(CheckpointError, match="does not say which network it holds"):
        load_model(path)
