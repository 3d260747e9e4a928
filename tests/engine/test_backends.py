"""What computes a network: the same result from either, and PyTorch where the other cannot."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from config import from_dict
from engine import backends
from engine.checkpoint import save_weights
from engine.export import export_onnx
from engine.interruption import Stopped, working_while
from engine.model_files import StoredModel
from engine.onnx_network import RUNTIMES, OnnxNetwork, load_onnx
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from layers.native.convolution import NativeConvolution
from modeling.architectures.mouth_net import MouthNet
from modeling.descriptor import Descriptor
from tests.modeling.small_architectures import SMALL, small
from utils.errors import CheckpointError, ConfigError, PellucidError

pytestmark = pytest.mark.apart

pytest.importorskip("onnxscript", reason="needs requirements-serve.txt")
pytest.importorskip("onnxruntime", reason="needs requirements-serve.txt")
pytest.importorskip("openvino", reason="needs requirements-serve.txt")


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """An empty folder for graphs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pellucid" / "onnx"


@pytest.fixture
def no_compiler(monkeypatch):
    """As where Pellucid's own convolutions cannot be had."""
    monkeypatch.setattr(backends.native, "is_available", lambda: False)


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shared_cache(monkeypatch, shared_folder):
    """A folder for graphs that other tests have made some of."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_folder))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The bytes of a small EDSR that was exported."""
    path = tmp_path_factory.mktemp("exported") / "edsr.onnx"
    return export_onnx(StoredModel(small("EDSR"), None, {}), path).path.read_bytes()


@pytest.fixture
def weights(tmp_path):
    """Writes a small network's weights file."""

    def save(name):
        cfg = from_dict({"MODEL": {"NAME": name, "ARGS": SMALL[name]}})
        save_weights(tmp_path / f"{name}.safetensors", small(name), cfg, {})
        return tmp_path / f"{name}.safetensors"

    return save


def restored(path, backend, rng_seed=0, tile=None):
    image = np.random.default_rng(rng_seed).integers(0, 256, (70, 53, 3), dtype=np.uint8)
    restorer = Restorer.from_weights(path, "cpu", backend)
    return restorer.restore(image, options=RestoreOptions(tile=tile)).astype(int)


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("name", ["LowLightNet", *backends.FASTER_ON_CPU])
def test_every_back_end_gives_the_same_picture(name, tile, weights, shared_cache):
    path = weights(name)
    expected = restored(path, "pytorch", tile=tile)
    for backend in ("native", *RUNTIMES):
        assert np.abs(restored(path, backend, tile=tile) - expected).max() <= 1


def test_a_graph_is_made_once_and_anew_for_other_weights_or_when_it_is_torn(
    weights, cached, no_compiler
):
    path = weights("EDSR")
    first = restored(path, "onnxruntime")
    (kept,) = cached.iterdir()
    written = kept.stat().st_mtime_ns
    assert np.abs(restored(path, "auto") - first).max() <= 1  # the same graph, in OpenVINO
    assert kept.stat().st_mtime_ns == written
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(restored(path, "onnxruntime"), first)
    model = small("EDSR")
    with torch.no_grad():
        model.conv_last.bias += 0.25
    cfg = from_dict({"MODEL": {"NAME": "EDSR", "ARGS": SMALL["EDSR"]}})
    save_weights(path, model, cfg, {})
    assert not np.array_equal(restored(path, "onnxruntime"), first)
    assert len(list(cached.iterdir())) == 2


def test_auto_computes_by_its_own_convolutions(weights, cached):
    model = Restorer.from_weights(weights("TinySRGAN"), "cpu", "auto").model
    assert any(isinstance(module, NativeConvolution) for module in model.modules())
    assert not cached.exists()


def test_a_network_that_looks_between_its_steps_is_left_to_pytorch(tmp_path, messages):
    model = _Peeking()
    stored = StoredModel(model, None, {})
    expected = model(torch.ones(1, 3, 8, 8))
    given = backends.run_by("auto", stored, torch.device("cpu"))(torch.ones(1, 3, 8, 8))
    assert torch.allclose(given, expected)
    assert any("PyTorch runs _Peeking instead" in message for message in messages)
    with pytest.raises(PellucidError, match="_Peeking: convolutions of Pellucid's own change"):
        backends.run_by("native", stored, torch.device("cpu"))


@pytest.mark.parametrize("backend", ["auto", "pytorch"])
def test_a_network_that_takes_all_that_its_steps_give_is_left_whole(backend, messages):
    torch.manual_seed(0)
    model, x = _Tapped().eval(), torch.rand(1, 3, 8, 8)
    given = backends.run_by(backend, StoredModel(model, None, {}), torch.device("cpu"))
    with torch.inference_mode():
        assert torch.allclose(given(x), model(x))
    assert any("_Tapped: folding changes its result" in message for message in messages)


class _Tapped(nn.Module):
    """Adds up what a convolution gives and what becomes of it, in the same memory once folded."""

    descriptor = Descriptor(scale=1, channels=3, receptive_field=3)

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.LeakyReLU(0.1))

    def forward(self, x):
        written = self.body[0](x)
        return written + self.body[1](written)


class _Peeking(nn.Module):
    """Gives what is before a ReLU that a sequence ends with."""

    descriptor = Descriptor(scale=1, channels=3, receptive_field=3)

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 16, 1)
        self.body = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())

    def forward(self, x):
        return self.body[0](self.head(x))[:, :3]


def test_auto_is_pytorch_where_it_is_not_slower(weights, cached, no_compiler):
    assert not isinstance(
        Restorer.from_weights(weights("GlareNet"), "cpu", "auto").model, OnnxNetwork
    )
    assert not cached.exists()


def test_auto_is_pytorch_where_graphs_cannot_be_kept(weights, cached, messages, no_compiler):
    cached.parent.parent.write_text("a file where the folder should be")
    path = weights("MobileSR")
    expected = restored(path, "pytorch")
    assert np.abs(restored(path, "auto") - expected).max() <= 1
    assert any("PyTorch runs MobileSR instead" in message for message in messages)


def test_auto_is_pytorch_where_nothing_compiled_can_be_kept(weights, cached, messages):
    cached.parent.parent.write_text("a file where the folder should be")
    backends.native.load.cache_clear()
    check_pytorch_does_it(weights("MobileSR"), messages)


def test_auto_is_pytorch_for_a_user_without_a_home(weights, homeless, messages):
    backends.native.load.cache_clear()
    check_pytorch_does_it(weights("MobileSR"), messages)


def test_auto_is_pytorch_where_the_compiler_fails(weights, cached, messages, monkeypatch):
    monkeypatch.setenv("CC", "false")
    backends.native.load.cache_clear()
    check_pytorch_does_it(weights("MobileSR"), messages)


def check_pytorch_does_it(path, messages):
    before = restored(path, "pytorch")
    assert np.array_equal(restored(path, "auto"), before)
    (warning,) = messages
    assert warning.endswith("; PyTorch runs MobileSR instead") and "\n" not in warning


def test_auto_goes_on_to_the_next_where_one_is_missing(
    weights, shared_cache, messages, monkeypatch, no_compiler
):
    path = weights("MouthNet")
    backends._tell_missing.cache_clear()
    assert Restorer.from_weights(path, "cpu", "auto").model.runtime == "openvino"
    monkeypatch.setattr(RUNTIMES["openvino"], "is_installed", lambda: False)
    for _ in range(2):
        assert Restorer.from_weights(path, "cpu", "auto").model.runtime == "onnxruntime"
    monkeypatch.setattr(RUNTIMES["onnxruntime"], "is_installed", lambda: False)
    assert isinstance(Restorer.from_weights(path, "cpu", "auto").model, MouthNet)
    assert sum("is not installed" in message for message in messages) == 1


def test_an_exported_file_is_run_by_what_is_asked_for(weights, exported, tmp_path):
    (tmp_path / "edsr.onnx").write_bytes(exported)
    expected = restored(weights("EDSR"), "pytorch")
    for runtime in RUNTIMES:
        restorer = Restorer.from_weights(tmp_path / "edsr.onnx", "cpu", runtime)
        assert restorer.model.runtime == runtime
        assert np.abs(restored(tmp_path / "edsr.onnx", runtime) - expected).max() <= 1


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_torn_graph_is_refused_in_one_line(runtime, exported, tmp_path):
    path = tmp_path / "edsr.onnx"
    path.write_bytes(exported[:-500])
    with pytest.raises(CheckpointError, match="edsr.onnx: is no whole ONNX file") as refused:
        load_onnx(path, runtime=runtime)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_graph_stops_when_nobody_waits(runtime, exported, tmp_path):
    (tmp_path / "edsr.onnx").write_bytes(exported)
    network = load_onnx(tmp_path / "edsr.onnx", runtime=runtime)
    with working_while(lambda: False), pytest.raises(Stopped):
        network(torch.zeros(1, 3, 1200, 1200))


@pytest.mark.parametrize(
    ("backend", "device", "name", "says"),
    [
        ("onnx", "cpu", "a.safetensors", "known: auto, native, onnxruntime, openvino, pytorch"),
        ("pytorch", "cpu", "a.onnx", "a.onnx is run by ONNX Runtime or OpenVINO"),
        ("native", "cpu", "a.onnx", "a.onnx is run by ONNX Runtime or OpenVINO"),
        ("auto", "tpu", "a.onnx", "none that Pellucid runs on"),
    ],
)
def test_what_does_not_go_together_is_refused(backend, device, name, says):
    with pytest.raises(ConfigError, match=says):
        Restorer.from_weights(name, device, backend)


def test_the_architectures_named_as_faster_are_there():
    from modeling import ARCHITECTURES, CLASSIFIERS

    known = {*ARCHITECTURES.names(), *CLASSIFIERS.names()}
    assert set(backends.FASTER_ON_CPU) <= known, json.dumps(sorted(known))
