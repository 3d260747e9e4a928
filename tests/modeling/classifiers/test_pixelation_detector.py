"""The pixelation detector: its published size, what it takes and gives, and saving it."""

import pytest
import torch
from safetensors.torch import save_file

from config import from_dict
from modeling import CLASSIFIERS
from modeling.build import build_model, build_network
from utils.errors import ConfigError

CFG = from_dict({"MODEL": {"NAME": "PixelationDetector"}})


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return build_network(CFG).eval()


def test_it_is_as_large_as_the_earlier_projects(detector, tmp_path):
    assert sum(parameter.numel() for parameter in detector.parameters()) == 1_519_906
    save_file(detector.state_dict(), str(tmp_path / "detector.safetensors"))
    assert (tmp_path / "detector.safetensors").stat().st_size <= 5.95 * 2**20  # 5.85 and buffers
    parameters = sum(p.numel() * p.element_size() for p in detector.parameters())
    assert parameters <= 5.85 * 2**20


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_scores_do_not_depend_on_the_batch(name):
    model = CLASSIFIERS.build(name).eval()
    pictures = torch.rand(3, model.descriptor.channels, 224, 224)
    with torch.inference_mode():
        together = model(pictures)
        alone = torch.cat([model(picture[None]) for picture in pictures])
    assert together.shape == (3, len(model.descriptor.classes))
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_every_parameter_learns(name):
    model = CLASSIFIERS.build(name).train()
    model(torch.rand(4, model.descriptor.channels, 96, 96)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_batch_norm_forgets_its_beginning_within_a_short_run(detector):
    """After 300 steps at torchvision's own momentum the outputs in eval() were constant."""
    model = CLASSIFIERS.build("PixelationDetector").train()
    for _ in range(60):
        model(torch.rand(4, 3, 32, 32))
    norm = next(m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert (norm.running_var < 0.1).all()


def test_it_is_no_architecture():
    with pytest.raises(ConfigError, match=r"MODEL\.NAME: PixelationDetector .*tools/detect\.py"):
        build_model(CFG)
