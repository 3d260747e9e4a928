"""Community checkpoints, made on the spot, through the config, the restorer and the test tool."""

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from config import from_dict
from engine.restorer import Restorer
from engine.testing import measure
from modeling.build import build_model
from utils.errors import CheckpointError, ConfigError, TrainingError
from utils.images import write_image
from utils.torchvision_compat import import_torchvision


@pytest.fixture(scope="module")
def esrgan():
    """A small ESRGAN for scale 4, by the package that knows it."""
    import_torchvision()
    pytest.importorskip("spandrel")
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(0)
    return ESRGAN(num_filters=8, num_blocks=1, scale=4).eval()


@pytest.fixture(params=["plain.pth", "params_ema.pth", "module.safetensors"])
def checkpoint(request, esrgan, tmp_path):
    state, path = esrgan.state_dict(), tmp_path / request.param
    if path.suffix == ".safetensors":
        save_file({f"module.{name}": tensor for name, tensor in state.items()}, path)
    else:
        torch.save({"params_ema": state} if "ema" in path.stem else state, path)
    return path


def _build(path):
    return build_model(from_dict({"MODEL": {"NAME": "Spandrel", "ARGS": {"path": str(path)}}}))


def test_a_checkpoint_gives_its_own_networks_output(checkpoint, esrgan):
    model = _build(checkpoint).eval()
    x = torch.rand(1, 3, 13, 18)
    with torch.inference_mode():
        torch.testing.assert_close(model(x), esrgan(x).clamp(0, 1))
    descriptor = model.descriptor
    assert (descriptor.scale, descriptor.channels, descriptor.pretrained) == (4, 3, True)
    assert descriptor.global_context and "bf16" in descriptor.precisions


def test_a_picture_is_restored_from_the_file_alone(checkpoint, esrgan, rng):
    picture = rng.integers(0, 256, (9, 12, 3), np.uint8)
    restored = Restorer.from_weights(checkpoint, "cpu").restore(picture)
    with torch.inference_mode():
        expected = esrgan(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255)
    difference = expected[0].permute(1, 2, 0).clamp(0, 1) * 255 - torch.from_numpy(restored)
    assert restored.shape == (36, 48, 3) and difference.abs().max() <= 0.501


def test_it_is_measured_without_a_weights_file(esrgan, tmp_path, rng):
    torch.save(esrgan.state_dict(), tmp_path / "esrgan.pth")
    for folder, size in (("input", 8), ("target", 32)):
        write_image(tmp_path / folder / "a.png", rng.integers(0, 256, (size, size, 3), np.uint8))
    folders = {"input": str(tmp_path / "input"), "target": str(tmp_path / "target")}
    cfg = from_dict(
        {
            "DEVICE": "cpu",
            "OUTPUT_DIR": str(tmp_path / "output"),
            "MODEL": {"NAME": "Spandrel", "ARGS": {"path": str(tmp_path / "esrgan.pth")}},
            "DATASETS": {"TEST": {"NAME": "PairedFolders", "ARGS": folders}},
            "METRICS": {"psnr": {"NAME": "PSNR"}},
        }
    )
    rows, text = measure(cfg)
    assert rows["Spandrel"].evaluation.metrics["psnr"] > 0
    assert "weights of Spandrel (path" in text


def test_it_does_not_pretend_to_learn(esrgan, tmp_path):
    torch.save(esrgan.state_dict(), tmp_path / "esrgan.pth")
    with pytest.raises(TrainingError, match="cannot be trained"):
        _build(tmp_path / "esrgan.pth").train()(torch.rand(1, 3, 8, 8))


def test_files_that_cannot_be_used_are_named(tmp_path, monkeypatch):
    path = tmp_path / "unknown.pth"
    with pytest.raises(CheckpointError, match="unknown.pth: there is no such"):
        _build(path)
    torch.save({"weight": torch.ones(1)}, path)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "spandrel", None)  # how Python marks what cannot be imported
        with pytest.raises(ConfigError, match="unknown.pth.*pip install spandrel"):
            _build(path)
    with pytest.raises(CheckpointError, match="unknown.pth: is of no architecture that spandrel"):
        _build(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="unknown.pth"):
        _build(path)
