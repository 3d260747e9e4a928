"""Checkpoints of other programs give the outputs that came with them."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from config import get_defaults
from engine.checkpoint import load_into, load_weights, save_checkpoint
from modeling import ARCHITECTURES
from utils.errors import CheckpointError

ARGUMENTS = {  # as the fixtures' metadata have them
    "EDSR": {"num_feat": 16, "num_block": 4, "upscale": 4, "res_scale": 0.1},
    "MIRNet": {"n_feat": 16, "n_RRG": 1, "n_MSRB": 1},
    "MSRResNet": {"num_feat": 16, "num_block": 4, "upscale": 4},
}


@pytest.fixture(params=ARGUMENTS)
def reference(request, shared_dir):
    """A network's name and arguments, the weights people have, an input and its output."""
    tensors = load_file(shared_dir / "fixtures" / f"{request.param.lower()}_small.safetensors")
    state = {
        name.removeprefix("weights."): tensor
        for name, tensor in tensors.items()
        if name.startswith("weights.")
    }
    return request.param, ARGUMENTS[request.param], state, tensors["input"], tensors["output"]


def _prefixed(state):
    return {f"module.{name}": tensor for name, tensor in state.items()}


LAYOUTS = {
    "plain.pth": lambda state: state,
    "params.pth": lambda state: {"params": state},
    "params_ema.pth": lambda state: {
        "params": {name: torch.zeros_like(tensor) for name, tensor in state.items()},
        "params_ema": _prefixed(state),
    },
    "trained.ckpt": lambda state: {"epoch": 3, "state_dict": _prefixed(state)},
}


def _check(path, name, arguments, x, y):
    state, cfg, metrics = load_weights(path)
    assert cfg is None and metrics == {}
    model = ARCHITECTURES.build(name, **arguments).eval()
    load_into(model, state, path)
    with torch.inference_mode():
        torch.testing.assert_close(model(x), y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_of_torch_save_gives_its_output(reference, layout, tmp_path):
    name, arguments, state, x, y = reference
    torch.save(LAYOUTS[layout](state), tmp_path / layout)
    _check(tmp_path / layout, name, arguments, x, y)


@pytest.mark.parametrize("prefix", ["", "module.", "params.", "params_ema."])
def test_a_safetensors_file_gives_its_output(reference, prefix, tmp_path):
    name, arguments, state, x, y = reference
    path = tmp_path / "weights.safetensors"
    save_file({prefix + key: tensor for key, tensor in state.items()}, path)
    _check(path, name, arguments, x, y)


def test_a_runs_checkpoint_is_refused_as_weights(tmp_path):
    save_checkpoint(tmp_path / "last.pt", {"model": {"weight": torch.ones(1)}})
    with pytest.raises(CheckpointError, match="last.pt: is a checkpoint .*best.safetensors"):
        load_weights(tmp_path / "last.pt")


def test_names_of_our_own_weights_stay(tmp_path):
    """A config says that the names are the network's, whatever they look like."""
    from engine.checkpoint import save_weights

    model = torch.nn.ModuleDict({"params": torch.nn.Linear(1, 1), "other": torch.nn.Linear(1, 1)})
    save_weights(tmp_path / "w.safetensors", model, get_defaults(), {})
    state, _, _ = load_weights(tmp_path / "w.safetensors")
    assert state.keys() == model.state_dict().keys()
