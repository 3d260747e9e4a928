"""Recomputing activations costs time, saves memory, and changes no gradient."""

import pytest
import torch

from engine.memory import peak_bytes
from layers.recompute import Recomputable
from modeling import ARCHITECTURES

CPU = torch.device("cpu")
NETWORKS = {
    "MIRNet": {"n_feat": 16, "n_RRG": 1, "n_MSRB": 4, "height": 2},
    "NAFNet": {"width": 8, "middle_blk_num": 2, "enc_blk_nums": [4], "dec_blk_nums": [2]},
}


def parts(model):
    return [module for module in model.modules() if isinstance(module, Recomputable)]


def gradients(model, x, recompute):
    for part in parts(model):
        part.recompute = recompute
    model.zero_grad()
    output = model(x)
    output.square().mean().backward()
    return [output.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_same_in_less_memory(name):
    torch.manual_seed(0)
    model, x = ARCHITECTURES.build(name, **NETWORKS[name]), torch.rand(2, 3, 32, 32)
    assert len(parts(model)) >= 4
    kept, anew = (gradients(model, x, recompute) for recompute in (False, True))
    assert all(map(torch.equal, kept, anew)) and len(kept) > 10
    peaks = [peak_bytes(lambda way=way: gradients(model, x, way), CPU) for way in (False, True)]
    assert peaks[1] < 0.7 * peaks[0], peaks


def test_without_gradients_nothing_is_to_be_recomputed():
    model = ARCHITECTURES.build("MIRNet", **NETWORKS["MIRNet"])
    for part in parts(model):
        part.recompute = True
    with torch.inference_mode():
        assert not model(torch.rand(1, 3, 8, 8)).requires_grad
