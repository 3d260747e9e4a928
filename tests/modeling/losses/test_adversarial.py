"""Adversarial losses against PyTorch's own cross entropy, formulas of the papers, gradients."""

import pytest
import torch
from torch.nn import functional as F

from modeling import ADVERSARIAL_LOSSES

NAMES = ADVERSARIAL_LOSSES.names()


@pytest.fixture
def scores():
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(2, 4, 1, 5, 5, dtype=torch.float64, generator=generator)


def _entropy(scores, label):
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))


EXPECTED = {  # discriminator's, generator's
    "Vanilla": lambda fake, real: (
        _entropy(real, 1) + _entropy(fake, 0),
        -torch.sigmoid(fake).log().mean(),
    ),
    "LeastSquares": lambda fake, real: (
        F.mse_loss(real, torch.ones_like(real)) / 2 + F.mse_loss(fake, 0 * fake) / 2,
        F.mse_loss(fake, torch.ones_like(fake)) / 2,
    ),
    "Hinge": lambda fake, real: (
        (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean(),
        -fake.mean(),
    ),
    "Relativistic": lambda fake, real: (
        _entropy(real - fake.mean(), 1) + _entropy(fake - real.mean(), 0),
        _entropy(real - fake.mean(), 0) + _entropy(fake - real.mean(), 1),
    ),
}


def test_every_loss_is_held_to_a_formula():
    assert sorted(EXPECTED) == [
        name for name in NAMES if ADVERSARIAL_LOSSES.get(name).__module__.startswith("modeling.")
    ]


@pytest.mark.parametrize("name", EXPECTED)
def test_both_players_losses_are_the_papers(name, scores):
    fake, real = scores
    loss = ADVERSARIAL_LOSSES.build(name)
    discriminator, generator = EXPECTED[name](fake, real)
    torch.testing.assert_close(loss.for_discriminator(fake, real), discriminator)
    torch.testing.assert_close(loss.for_generator(fake, real), generator)


@pytest.mark.parametrize("name", EXPECTED)
def test_gradients_are_right(name, scores):
    loss = ADVERSARIAL_LOSSES.build(name)
    fake, real = (side.flatten()[:6].clone().requires_grad_() for side in scores)
    for function in (loss.for_discriminator, loss.for_generator):
        assert torch.autograd.gradcheck(function, (fake, real))
    for is_real in (True, False):
        assert torch.autograd.gradcheck(lambda x, is_real=is_real: loss(x, is_real), (fake,))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_players_want_opposite_scores(name, scores):
    fake, real = (side.clone().requires_grad_() for side in scores.sigmoid())  # between the labels
    loss = ADVERSARIAL_LOSSES.build(name)
    (towards_fake,) = torch.autograd.grad(loss.for_discriminator(fake, real), fake)
    (towards_real,) = torch.autograd.grad(loss.for_generator(fake, real), fake)
    assert (towards_fake > 0).all() and (towards_real < 0).all()


@pytest.mark.parametrize("name", ["Vanilla", "Relativistic"])
def test_scores_of_any_size_stay_finite(name):
    loss = ADVERSARIAL_LOSSES.build(name)
    huge = torch.tensor([1e4, -1e4])
    assert torch.isfinite(loss.for_discriminator(huge, -huge))
    assert torch.isfinite(loss.for_generator(huge, -huge))


def test_a_relativistic_generator_asks_for_the_real_scores():
    loss = ADVERSARIAL_LOSSES.build("Relativistic")
    assert loss.generator_needs_real
    with pytest.raises(ValueError, match="real pictures"):
        loss.for_generator(torch.zeros(2))
