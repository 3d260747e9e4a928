"""What computes a network: the same result from either, and PyTorch where the other cannot."""

import json

import numpy as np
import pytest
import torch

from config import from_dict
from engine import backends
from engine.checkpoint import save_weights
from engine.onnx_network import OnnxNetwork
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from tests.modeling.small_architectures import SMALL, small
from utils.errors import ConfigError

pytest.importorskip("onnxscript", reason="needs requirements-serve.txt")
pytest.importorskip("onnxruntime", reason="needs requirements-serve.txt")


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """An empty folder for graphs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pellucid" / "onnx"


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


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
@pytest.mark.parametrize("name", ["LowLightNet", "MobileSR"])
def test_either_back_end_gives_the_same_picture(name, tile, weights, shared_cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))
    path = weights(name)
    expected = restored(path, "pytorch", tile=tile)
    assert np.abs(restored(path, "onnxruntime", tile=tile) - expected).max() <= 1


def test_a_graph_is_made_once_and_anew_for_other_weights_or_when_it_is_torn(weights, cached):
    path = weights("MobileSR")
    first = restored(path, "onnxruntime")
    (kept,) = cached.iterdir()
    written = kept.stat().st_mtime_ns
    assert np.array_equal(restored(path, "auto"), first)  # which ONNX Runtime is here
    assert kept.stat().st_mtime_ns == written
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(restored(path, "onnxruntime"), first)
    model = small("MobileSR")
    with torch.no_grad():
        model.tail.bias += 0.25
    cfg = from_dict({"MODEL": {"NAME": "MobileSR", "ARGS": SMALL["MobileSR"]}})
    save_weights(path, model, cfg, {})
    assert not np.array_equal(restored(path, "onnxruntime"), first)
    assert len(list(cached.iterdir())) == 2


def test_auto_is_pytorch_where_it_is_not_slower(weights, cached):
    assert not isinstance(
        Restorer.from_weights(weights("GlareNet"), "cpu", "auto").model, OnnxNetwork
    )
    assert not cached.exists()


def test_auto_is_pytorch_where_graphs_cannot_be_kept(weights, cached, messages):
    cached.parent.parent.write_text("a file where the folder should be")
    path = weights("MobileSR")
    expected = restored(path, "pytorch")
    assert np.abs(restored(path, "auto") - expected).max() <= 1
    assert any("PyTorch runs MobileSR instead" in message for message in messages)


def test_auto_is_pytorch_where_onnx_runtime_is_missing(weights, cached, messages, monkeypatch):
    monkeypatch.setattr(backends, "is_installed", lambda: False)
    backends._tell_missing.cache_clear()
    path = weights("MobileSR")
    for _ in range(2):
        restored(path, "auto")
    assert sum("is not installed" in message for message in messages) == 1
    assert not cached.exists()


@pytest.mark.parametrize(
    ("backend", "device", "name", "says"),
    [
        ("onnx", "cpu", "a.safetensors", "known: auto, onnxruntime, pytorch"),
        ("pytorch", "cpu", "a.onnx", "a.onnx is run by ONNX Runtime"),
        ("auto", "tpu", "a.onnx", "none that Pellucid runs on"),
    ],
)
def test_what_does_not_go_together_is_refused(backend, device, name, says):
    with pytest.raises(ConfigError, match=says):
        Restorer.from_weights(name, device, backend)


def test_the_architectures_named_as_faster_are_there():
    from modeling import ARCHITECTURES, CLASSIFIERS

    known = {*ARCHITECTURES.names(), *CLASSIFIERS.names()}
    assert backends.FASTER_IN_ONNX_RUNTIME <= known, json.dumps(sorted(known))
