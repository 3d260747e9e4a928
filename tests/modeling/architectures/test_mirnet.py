"""MIRNet: the authors' size, names and output, the paper's equations, and how far it sees."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from modeling import ARCHITECTURES


def test_the_size_is_the_authors():
    with torch.device("meta"):
        model = ARCHITECTURES.build("MIRNet")
    assert sum(parameter.numel() for parameter in model.parameters()) == 31_787_419


def test_names_and_shapes_are_the_authors(shared_dir):
    expected = json.loads((shared_dir / "fixtures" / "mirnet_official_keys.json").read_text())
    with torch.device("meta"):
        state = ARCHITECTURES.build("MIRNet").state_dict()
    assert {name: list(tensor.shape) for name, tensor in state.items()} == expected


@torch.inference_mode()
def test_a_reference_instance_gives_its_output(shared_dir):
    tensors = load_file(shared_dir / "fixtures" / "mirnet_small.safetensors")
    model = ARCHITECTURES.build("MIRNet", n_feat=16, n_RRG=1, n_MSRB=1).eval()
    model.load_state_dict(
        {
            name.removeprefix("weights."): tensor
            for name, tensor in tensors.items()
            if name.startswith("weights.")
        }
    )
    output = model(tensors["input"])
    torch.testing.assert_close(output, tensors["output"], atol=1e-5, rtol=0)


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


@pytest.mark.parametrize("arguments", [{"n_MSRB": 1}, {"height": 2, "width": 3}])
def test_with_its_attention_fixed_it_sees_the_field_it_describes(arguments):
    """Attention over channels sees the whole picture; its weights are taken for constants here."""
    model = ARCHITECTURES.build("MIRNet", n_feat=8, n_RRG=1, **arguments).double()
    for name, module in model.named_modules():
        if name.endswith("conv_du"):
            module.register_forward_hook(lambda _module, _input, output: output.detach())
    for parameter in model.parameters():
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
