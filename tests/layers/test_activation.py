"""PReLU and its gradients are PyTorch's own, to the bit."""

import pytest
import torch
from torch import nn

from layers.activation import PReLU


@pytest.mark.parametrize("slope", [0.25, 0.8, 0.0, -0.1])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("dtype", "autocast"), [(torch.float32, False), (torch.float32, True), (torch.bfloat16, True)]
)
def test_output_and_gradients_are_those_of_pytorch(slope, memory_format, dtype, autocast):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 9, 11).to(dtype, memory_format=memory_format)
    x[0, 0, 0] = 0.0
    weight = torch.randn_like(x)

    def results(activation):
        nn.init.constant_(activation.weight, slope)
        seen = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            output = activation(seen)
        (output * weight.to(output.dtype)).sum().backward()
        return output, seen.grad, activation.weight.grad

    for ours, theirs in zip(results(PReLU()), results(nn.PReLU()), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.stride() == theirs.stride()
        assert torch.equal(ours, theirs)


def test_its_state_is_that_of_pytorch():
    theirs = nn.PReLU(init=0.3)
    ours = PReLU()
    ours.load_state_dict(theirs.state_dict())
    assert torch.equal(ours(torch.tensor([-2.0])), theirs(torch.tensor([-2.0])))


def test_another_backward_pass_through_its_gradients_is_refused():
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(PReLU()(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
