import pytest
import torch

from config import from_dict
from engine.checkpoint import load_into, load_weights, save_weights
from engine.halving import halve_weights
from modeling.build import build_model
from utils.errors import CheckpointError


@pytest.fixture
def weights(tmp_path):
    cfg = from_dict({"MODEL": {"NAME": "TinySRGAN", "ARGS": {"scale": 2}}})
    torch.manual_seed(0)
    model = build_model(cfg)
    save_weights(tmp_path / "whole.safetensors", model, cfg, {"epoch": 3})
    return tmp_path / "whole.safetensors", model


def test_half_the_size_the_same_config_and_rounded_kernels(weights, tmp_path):
    path, model = weights
    halved = tmp_path / "half.safetensors"
    halve_weights(path, halved)
    assert halved.stat().st_size < 0.6 * path.stat().st_size
    state, cfg, metrics = load_weights(halved)
    assert cfg == load_weights(path)[1] and metrics == {"epoch": 3}
    again = build_model(cfg)
    load_into(again, state, halved)
    for (name, new), old in zip(again.named_parameters(), model.parameters(), strict=True):
        assert new.dtype == torch.float32, name
        if old.dim() == 1:
            assert torch.equal(new, old), name
        torch.testing.assert_close(new, old, rtol=2**-11, atol=2**-25)  # half a unit of 11 bits


def test_values_beyond_half_precision_are_refused_and_nothing_is_written(weights, tmp_path):
    path, model = weights
    with torch.no_grad():
        model.tail.weight[0, 0, 0, 0] = 1e5
    cfg = load_weights(path)[1]
    save_weights(path, model, cfg, {})
    with pytest.raises(CheckpointError, match=r"tail\.weight has values"):
        halve_weights(path, tmp_path / "half.safetensors")
    assert not (tmp_path / "half.safetensors").exists()


def test_what_is_no_weights_file_is_named(tmp_path):
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"torn\.safetensors"):
        halve_weights(tmp_path / "torn.safetensors", tmp_path / "half.safetensors")


def test_a_file_is_not_halved_in_its_own_place(weights):
    path, _ = weights
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="is the file to halve"):
        halve_weights(path, path.parent / "." / path.name)
    assert path.read_bytes() == before
