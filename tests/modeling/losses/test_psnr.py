"""The PSNR loss against scikit-image's PSNR, its limit and numerical gradients."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from modeling import LOSSES


def test_it_is_the_negative_mean_of_the_pictures_psnr():
    output, target = np.random.default_rng(0).random((2, 3, 3, 8, 9))
    output[1] = target[1] + 0.01 * (output[1] - target[1])  # pictures of very different error
    expected = -np.mean(
        [peak_signal_noise_ratio(*pair, data_range=1) for pair in zip(target, output, strict=True)]
    )
    value = LOSSES.build("PSNRLoss")(torch.tensor(output), torch.tensor(target))
    assert value.item() == pytest.approx(expected, abs=1e-3)


def test_equal_pictures_give_a_finite_loss_and_no_gradient():
    x = torch.rand(2, 3, 4, 4, requires_grad=True)
    loss = LOSSES.build("PSNRLoss")(x, x.detach())
    loss.backward()
    assert loss.item() == pytest.approx(-80)
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_gradients_are_right():
    loss = LOSSES.build("PSNRLoss")
    output = torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), (output,))
