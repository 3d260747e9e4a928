"""One test of the same shape for every registered architecture: what it does, what it claims.

A new architecture is taken up by itself. It needs arguments in `SMALL` (small_architectures.py)
only where its own defaults are large: the claims are then measured on a smaller network of the same
kind.
"""

import warnings
from itertools import chain

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental import _config as export_config

from config import from_dict
from engine.checkpoint import load_into, load_weights, save_weights
from modeling.build import build_model
from tests.modeling.small_architectures import NAMES, SMALL, small

# Of the largest output, for random weights that amplify rounding more than trained ones do.
HALF_TOLERANCE = {"bf16": 0.05, "fp16": 0.004}
HALF_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@pytest.fixture(params=NAMES)
def model(request) -> nn.Module:
    """A small network in eval() with random weights."""
    return small(request.param)


@pytest.fixture
def positive(model) -> nn.Module:
    """The network in float64 with positive weights: what reaches an output never cancels.

    They are small, so that no tanh saturates.
    """
    for weight in model.parameters():
        if weight.requires_grad:
            nn.init.uniform_(weight, 0.25, 0.75)
            if weight.dim() > 1:
                weight.data /= weight[0].numel()
    return model.double()


def picture(model: nn.Module, height: int, width: int, batch: int = 1, channels: int = 0) -> Tensor:
    """A random picture of as many channels as the network takes, in the network's own type."""
    channels = channels or model.descriptor.channels or 3
    numbers = (tensor.dtype for tensor in chain(model.parameters(), model.buffers()))
    dtype = next(filter(lambda dtype: dtype.is_floating_point, numbers), torch.float32)
    generator = torch.Generator().manual_seed(height + width)
    return torch.rand(batch, channels, height, width, generator=generator, dtype=dtype)


def local(model: nn.Module) -> nn.Module:
    if model.descriptor.global_context:
        pytest.skip("says that far pixels matter")
    return model


def learning(model: nn.Module) -> nn.Module:
    if not any(weight.requires_grad for weight in model.parameters()):
        pytest.skip("has nothing to learn")
    return model


@torch.no_grad()
@pytest.mark.parametrize("size", [(37, 53), (5, 7), (1, 2), (64, 48)])
@pytest.mark.parametrize("batch", [1, 2])
def test_any_size_gives_the_described_size(model, size, batch):
    scale = model.descriptor.scale
    for channels in (model.descriptor.channels,) if model.descriptor.channels else (1, 3):
        output = model(picture(model, *size, batch, channels))
        assert output.shape == (batch, channels, size[0] * scale, size[1] * scale)
        assert output.dtype == torch.float32
        assert torch.isfinite(output).all()


def test_training_gives_every_parameter_a_finite_gradient(model):
    output = learning(model).train()(picture(model, 37, 53, batch=2))
    (output - 0.3).square().mean().backward()
    without = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
        and (parameter.grad is None or not torch.isfinite(parameter.grad).all())
    ]
    assert not without


def test_every_parameter_matters(model):
    """Not in train(): there batch normalisation takes away the biases before it."""
    learning(model)(picture(model, 37, 53)).square().mean().backward()
    idle = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and not parameter.grad.abs().sum() > 0
    ]
    assert not idle


@torch.no_grad()
def test_saved_weights_give_the_same_output_to_the_bit(model, tmp_path):
    name = type(model).__name__
    cfg = from_dict({"MODEL": {"NAME": name, "ARGS": SMALL.get(name, {})}})
    model.train()(picture(model, 16, 16, batch=2))  # moves what batch normalisation remembers
    save_weights(tmp_path / "weights.safetensors", model.eval(), cfg, {})
    state, saved_cfg, _ = load_weights(tmp_path / "weights.safetensors")
    other = build_model(saved_cfg).eval()
    load_into(other, state, "weights.safetensors")
    x = picture(model, 37, 53)
    assert torch.equal(model(x), other(x))


@torch.no_grad()
def test_eval_is_deterministic_and_pictures_do_not_see_each_other(model):
    x = picture(model, 37, 53, batch=3)
    together = model(x)
    assert torch.equal(together, model(x))
    alone = torch.cat([model(one[None]) for one in x])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_memory_format_does_not_matter(model):
    x = picture(model, 37, 53, batch=2)
    expected = model(x)
    rearranged = model.to(memory_format=torch.channels_last)
    output = rearranged(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_half_precision_stays_near_float32_where_claimed(model, precision, device):
    if precision not in model.descriptor.precisions:
        pytest.skip(f"does not claim {precision}")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    x = picture(model, 37, 53).to(device)
    model.to(device)
    exact = model(x)
    with torch.autocast(device, dtype=HALF_TYPES[precision]):
        rounded = model(x).float()
    assert torch.isfinite(rounded).all()
    assert (exact - rounded).abs().max() < HALF_TOLERANCE[precision] * exact.abs().max()


@torch.no_grad()
def test_one_exported_program_serves_every_size(model):
    any_size = torch.export.Dim.DYNAMIC
    # As PyTorch advises: an example's size must not be taken for a special case.
    with export_config.patch(backed_size_oblivious=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            model,
            (picture(model, 37, 54, batch=2),),
            dynamic_shapes=({0: any_size, 2: any_size, 3: any_size},),
        ).module()
    for size in ((37, 54), (64, 48), (5, 7)):
        x = picture(model, *size)
        torch.testing.assert_close(program(x), model(x), atol=1e-5, rtol=1e-5)


def rising_outwards(model: nn.Module, side: int) -> Tensor:
    """A picture in [0, 1] on which a maximum passes on the outermost pixel of those it sees."""
    offsets = (torch.arange(side, dtype=torch.float64) - side / 2).abs() / side
    x = (1 + offsets[:, None] + offsets) / 2
    return x.expand(1, model.descriptor.channels or 3, -1, -1).clone().requires_grad_()


def test_receptive_field_is_the_one_described(positive):
    """By gradient, from an output pixel at each place of the grid on which the network works."""
    descriptor = local(positive).descriptor
    grid, scale = descriptor.size_multiple, descriptor.scale
    side = -(-(descriptor.receptive_field + 2 * grid + 32) // grid) * grid
    x = rising_outwards(positive, side)
    output = positive(x)
    first = side // 2 // grid * grid * scale
    reach = 0
    for row in range(first, first + grid * scale):
        (gradient,) = torch.autograd.grad(output[0, 0, row, row], x, retain_graph=True)
        reached = gradient[0].abs().sum(0).nonzero()
        reach = max(reach, int((reached - row // scale).abs().max()))
    assert 2 * reach + 1 == descriptor.receptive_field


@torch.no_grad()
def test_shifting_the_input_by_the_size_multiple_shifts_the_output(model):
    """What tiles rely on; and by less it does not, so that tiles are bound to no coarser grid."""
    descriptor = local(model.double()).descriptor
    grid, scale = descriptor.size_multiple, descriptor.scale
    border = descriptor.receptive_field // 2
    x = picture(model, *[-(-(2 * border + 3 * grid) // grid) * grid] * 2)
    whole = model(x)

    def difference(shift: int) -> float:
        output = model(x[..., shift:, shift:])
        inner = slice(border * scale, -border * scale or None)
        expected = whole[..., shift * scale :, shift * scale :]
        return float((output - expected)[..., inner, inner].abs().max() / whole.abs().max())

    assert difference(grid) < 1e-12
    for shift in range(1, grid):
        if grid % shift == 0:
            assert difference(shift) > 1e-12


@torch.no_grad()
def test_far_pixels_matter_where_claimed_and_only_there(model):
    descriptor = model.double().descriptor
    side = descriptor.receptive_field + 64
    x = picture(model, side, side)
    changed = x.clone()
    changed[..., 0, 0] += 1
    far = (model(x) - model(changed))[..., -32:, -32:].abs().max()
    assert (far > 1e-12) == descriptor.global_context
