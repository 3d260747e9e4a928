"""One test of the same shape for every registered architecture."""

import pytest
import torch

from modeling import ARCHITECTURES


def _channels(model: torch.nn.Module) -> int:
    return model.descriptor.channels or 3


# Other tests register networks of their own.
OURS = [
    name
    for name in ARCHITECTURES.names()
    if ARCHITECTURES.get(name).__module__.startswith("modeling.")
]


@pytest.fixture(params=OURS)
def model(request) -> torch.nn.Module:
    torch.manual_seed(0)
    return ARCHITECTURES.build(request.param)


@pytest.mark.parametrize("size", [(64, 64), (33, 47), (1, 5)])
def test_any_size_gives_the_described_size(model, size):
    model.eval()
    with torch.inference_mode():
        output = model(torch.rand(1, _channels(model), *size))
    scale = model.descriptor.scale
    assert output.shape == (1, _channels(model), size[0] * scale, size[1] * scale)
    assert torch.isfinite(output).all()


def test_every_parameter_learns(model):
    model.train()
    # Two steps: heads that start at zero hold back the gradient of what lies below them.
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    x = torch.rand(2, _channels(model), 64, 64)
    for _ in range(2):
        optimizer.zero_grad()
        (model(x) - 0.3).square().mean().backward()
        optimizer.step()
    idle = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert idle == []


def test_state_dict_round_trip_gives_the_same_output(model):
    model.eval()
    other = ARCHITECTURES.build(type(model).__name__).eval()
    other.load_state_dict(model.state_dict())
    x = torch.rand(1, _channels(model), 40, 40)
    with torch.inference_mode():
        assert torch.equal(model(x), other(x))


def test_bf16_stays_near_float32_where_claimed(model):
    if "bf16" not in model.descriptor.precisions:
        pytest.skip("does not claim bf16")
    model.eval()
    x = torch.rand(1, _channels(model), 64, 64)
    with torch.inference_mode():
        exact = model(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = model(x).float()
    assert (exact - rounded).abs().max() < 0.05


def test_receptive_field_is_no_larger_than_described(model):
    """Where far pixels are said not to matter, a gradient must not reach beyond the field."""
    descriptor = model.descriptor
    if descriptor.global_context:
        pytest.skip("says that far pixels matter")
    model.eval()
    side = 2 * descriptor.receptive_field + 33
    for parameter in model.parameters():  # so that no path cancels, starts at zero or saturates
        fan_in = parameter[0].numel()
        torch.nn.init.uniform_(parameter, 0.4 / fan_in, 0.5 / fan_in)
    x = torch.rand(1, _channels(model), 1, 1).expand(-1, -1, side, side).clone().requires_grad_()
    center = side // 2
    model(x)[0, 0, center * descriptor.scale, center * descriptor.scale].backward()
    rows, columns = x.grad[0].abs().sum(0).nonzero(as_tuple=True)
    for reached in (rows, columns):
        assert reached.max() - reached.min() + 1 <= descriptor.receptive_field + 1


def test_global_context_is_real_where_claimed(model):
    if not model.descriptor.global_context:
        pytest.skip("says that far pixels do not matter")
    model.train()
    x = torch.rand(1, _channels(model), 96, 96, requires_grad=True)
    model(x)[0, 0, 0, 0].backward()
    assert x.grad[0, :, -8:, -8:].abs().sum() > 0
