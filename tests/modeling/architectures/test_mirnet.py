"""MIRNet: the authors' size, names and output, the paper's equations, and how far it sees."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from config import from_dict
from engine.checkpoint import load_into, load_weights, save_weights
from engine.restorer import Restorer
from modeling import ARCHITECTURES
from modeling.architectures.mirnet import _SelectiveKernelFusion
from tests.modeling.architectures.mirnet_equations import Equations
from utils.errors import CheckpointError

REFERENCE = {"n_feat": 16, "n_RRG": 1, "n_MSRB": 1}  # the fixture's


def built(**arguments):
    """With random weights, which make slopes and attention matter."""
    torch.manual_seed(0)
    model = ARCHITECTURES.build("MIRNet", **arguments)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.uniform_(parameter, 0.1, 0.4)
    return model.eval()


def authors_names():
    """Every name in the authors' checkpoint, and its shape."""
    lines = (Path(__file__).parent / "mirnet_block_keys.txt").read_text().splitlines()
    block = {name: [*map(int, shape.split("x"))] for name, shape in map(str.split, lines)}
    names = {"conv_in.weight": [64, 3, 3, 3], "conv_out.weight": [3, 64, 3, 3]}
    for group in range(3):
        for number in range(2):
            names |= {f"body.{group}.body.{number}.{name}": block[name] for name in block}
        names[f"body.{group}.body.2.weight"] = [64, 64, 3, 3]
    return names


def test_size_names_and_shapes_are_the_authors():
    with torch.device("meta"):
        model = ARCHITECTURES.build("MIRNet")
    assert sum(parameter.numel() for parameter in model.parameters()) == 31_787_419
    found = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert found == authors_names() and len(found) == 797


def test_the_names_are_those_of_the_fixture(shared_dir):
    path = shared_dir / "fixtures" / "mirnet_official_keys.json"
    assert authors_names() == json.loads(path.read_text())


@torch.inference_mode()
def test_a_reference_instance_gives_its_output(shared_dir):
    tensors = load_file(shared_dir / "fixtures" / "mirnet_small.safetensors")
    state = {name.removeprefix("weights."): tensors[name] for name in tensors if "." in name}
    model = built(**REFERENCE)
    model.load_state_dict(state)
    for output in (model(tensors["input"]), Equations(state, 3, 2)(tensors["input"])):
        torch.testing.assert_close(output, tensors["output"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("arguments", [{}, {"n_feat": 8, "height": 4, "width": 3, "n_MSRB": 2}])
def test_outputs_and_gradients_are_those_of_the_papers_equations(arguments):
    model = built(**{**REFERENCE, **arguments}).double()
    height, width = arguments.get("height", 3), arguments.get("width", 2)
    x = torch.rand(2, 3, 16, 24, dtype=torch.float64)
    expected = Equations(model.state_dict(keep_vars=True), height, width)(x)
    output = model(x)
    torch.testing.assert_close(output, expected)
    names, parameters = zip(*model.named_parameters(), strict=True)
    ours = torch.autograd.grad(output.square().mean(), parameters)
    theirs = torch.autograd.grad(expected.square().mean(), parameters)
    for name, one, other in zip(names, ours, theirs, strict=True):
        torch.testing.assert_close(one, other, msg=name)


@torch.inference_mode()
def test_fusing_weighs_streams_against_each_other():
    """A softmax over channels instead would not give back what all streams agree on."""
    fusion = _SelectiveKernelFusion(16, 3)
    x = torch.randn(2, 16, 5, 7)
    torch.testing.assert_close(fusion([x, x, x]), x)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 9)])
def test_tiny_pictures_are_restored(size):
    output = built(**REFERENCE)(torch.rand(1, 3, *size))
    assert output.shape == (1, 3, *size) and output.isfinite().all()


@torch.inference_mode()
def test_half_precision_does_not_round_what_is_added_to_the_picture():
    """bf16 between 0.5 and 1 has 128 levels: fewer than a picture of 8 bits."""
    with torch.autocast("cpu", torch.bfloat16):
        picture = torch.randint(0, 256, (1, 3, 24, 24)) / 256
        added = built(**REFERENCE)(picture) - picture
    assert (added != added.bfloat16()).float().mean() > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_feat": 4}, "n_feat is 4; it must be at least 8"),
        ({"height": 1}, "height is 1 and width 2; both must be at least 2"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ARCHITECTURES.build("MIRNet", **arguments)


def test_shared_weights_are_saved_once_and_load(tmp_path):
    model, path = built(**REFERENCE), tmp_path / "w.safetensors"
    save_weights(path, model, from_dict({"MODEL": {"NAME": "MIRNet", "ARGS": REFERENCE}}), {})
    with safe_open(str(path), "pt") as file:
        names = set(file.keys())
    assert names == {name for name in model.state_dict() if ".blocks." not in name} | {
        name for name, _ in model.named_parameters()
    }
    other = ARCHITECTURES.build("MIRNet", **REFERENCE)
    load_into(other, load_weights(path)[0], path)
    assert all(map(torch.equal, other.state_dict().values(), model.state_dict().values()))


@pytest.mark.parametrize("layout", ["authors.pth", "every_name.safetensors", "once.safetensors"])
def test_checkpoints_of_others_restore_without_a_config(layout, tmp_path):
    arguments = {"n_feat": 8, "n_RRG": 2, "n_MSRB": 1, "height": 2}
    model, path = built(**arguments), tmp_path / layout
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if layout == "authors.pth":
        wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
        torch.save({"epoch": 3, "state_dict": wrapped, "optimizer": {"state": {}}}, path)
    else:
        once = dict(model.named_parameters()) | dict(model.named_buffers())
        save_file({name: state[name] for name in (once if "once" in layout else state)}, path)
    picture = np.random.default_rng(0).integers(0, 256, (11, 14, 3), np.uint8)
    restored, expected = (
        restorer.restore(picture)
        for restorer in (Restorer.from_weights(path, "cpu"), Restorer(model, "cpu"))
    )
    assert np.array_equal(restored, expected)


def test_columns_that_differ_are_refused(tmp_path):
    state = {name: tensor.clone() for name, tensor in built(**REFERENCE).state_dict().items()}
    state["body.0.body.0.blocks.1.1.conv1x1.weight"] += 1
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"blocks.1.0.conv1x1.weight and .* differ, which"):
        Restorer.from_weights(tmp_path / "other.pth", "cpu")


@pytest.mark.parametrize("arguments", [{"n_MSRB": 1}, {"height": 2, "width": 3}])
def test_with_its_attention_fixed_it_sees_the_field_it_describes(arguments):
    """Attention over channels sees the whole picture; its weights are taken for constants here."""
    model = ARCHITECTURES.build("MIRNet", n_feat=8, n_RRG=1, **arguments).double()
    for name, module in model.named_modules():
        if name.endswith("conv_du"):
            module.register_forward_hook(lambda _module, _input, output: output.detach())
    for parameter in model.parameters():  # so that no path cancels, and no sigmoid saturates
        nn.init.uniform_(parameter, 0.2, 0.6)
        if parameter.dim() > 1:
            parameter.data /= parameter[0].numel()
    grid, field = model.descriptor.size_multiple, model.descriptor.receptive_field
    side = -(-(field + 3 * grid) // grid) * grid
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    output = model(x)
    reach = 0
    for row in range(side // 2 // grid * grid, side // 2 // grid * grid + grid):
        (gradient,) = torch.autograd.grad(output[0, 0, row, row], x, retain_graph=True)
        reach = max(reach, int((gradient[0].abs().sum(0).nonzero() - row).abs().max()))
    assert 2 * reach + 1 == field
