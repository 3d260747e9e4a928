import pytest
import torch
from torch import nn

from engine.learners import LEARNERS
from utils.errors import ConfigError, PellucidError

CPU = torch.device("cpu")


def supervised(model, losses, precision="float32"):
    return LEARNERS.build("Supervised", model=model, losses=losses, device=CPU, precision=precision)


def test_sums_named_losses_by_weight_and_its_gradient_is_theirs():
    model = nn.Conv2d(1, 1, 1)
    batch = {"input": torch.rand(2, 1, 5, 4), "target": torch.rand(2, 1, 5, 4)}
    losses = {"l1": (nn.L1Loss(), 1.0), "l2": (nn.MSELoss(), 0.25)}
    found = supervised(model, losses).step(batch)
    difference = model(batch["input"]) - batch["target"]
    expected = difference.abs().mean() + 0.25 * difference.square().mean()
    assert list(found) == ["loss", "l1", "l2"]
    assert found["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    ours = torch.autograd.grad(found["loss"], model.weight)[0]
    assert torch.allclose(ours, torch.autograd.grad(expected, model.weight)[0])


def test_a_loss_that_gives_no_scalar_is_named():
    batch = {"input": torch.rand(2, 1, 5, 4), "target": torch.rand(2, 1, 5, 4)}
    learner = supervised(nn.Conv2d(1, 1, 1), {"far": (nn.L1Loss(reduction="none"), 1.0)})
    with pytest.raises(ConfigError, match=r"LOSSES\.far: must give a scalar.*\(2, 1, 5, 4\)"):
        learner.step(batch)


class Far(nn.L1Loss):
    """Tells how far off the output is, but not in which direction."""

    def forward(self, output, target):
        return super().forward(output.detach(), target)


@pytest.mark.parametrize(
    ("model", "losses", "words"),
    [
        (nn.Conv2d(1, 2, 1), {}, "MODEL Conv2d gives 4x5 with 2 channels from 4x5 with 1 channel"),
        (nn.Conv2d(1, 1, 2), {}, "MODEL Conv2d gives 3x4 .* but the target is 4x5"),
        (nn.Flatten(), {}, r"MODEL Flatten gives shape \(2, 20\)"),
        (nn.MultiheadAttention(4, 1), {}, "MODEL MultiheadAttention: must give a tensor"),
        (nn.Identity(), {}, "MODEL Identity: its output has no gradient"),
        (nn.Conv2d(1, 1, 1), {"a": (Far(), 1.0), "b": (Far(), 2.0)}, r"LOSSES\.a and LOSSES\.b: "),
    ],
)
def test_slips_of_a_part_are_named(model, losses, words, monkeypatch):
    if isinstance(model, nn.MultiheadAttention):
        monkeypatch.setattr(model, "forward", lambda x: (x, None))
    batch = {"input": torch.rand(2, 1, 5, 4), "target": torch.rand(2, 1, 5, 4)}
    with pytest.raises(PellucidError, match=words):
        supervised(model, losses or {"l1": (nn.L1Loss(), 1.0)}).step(batch)


def test_one_loss_with_a_gradient_is_enough():
    batch = {"input": torch.rand(2, 1, 5, 4), "target": torch.rand(2, 1, 5, 4)}
    losses = {"watched": (Far(), 1.0), "l1": (nn.L1Loss(), 1.0)}
    supervised(nn.Conv2d(1, 1, 1), losses).step(batch)["loss"].backward()


def test_losses_are_taken_in_float32_whatever_the_model_computes_in():
    seen = []

    class Watching(nn.L1Loss):
        def forward(self, output, target):
            seen.append((output.dtype, torch.is_autocast_enabled("cpu")))
            return super().forward(output, target)

    model = nn.Conv2d(1, 1, 3, padding=1)
    dtypes = []
    model.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    batch = {"input": torch.rand(1, 1, 8, 8), "target": torch.rand(1, 1, 8, 8)}
    supervised(model, {"l1": (Watching(), 1.0)}, "bf16").step(batch)["loss"].backward()
    assert dtypes == [torch.bfloat16]
    assert seen == [(torch.float32, False)]
    assert model.weight.grad.dtype == torch.float32
