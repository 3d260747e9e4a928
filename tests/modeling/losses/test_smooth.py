"""Charbonnier, edges and total variation against values by hand and numerical gradients."""

import cv2
import numpy as np
import pytest
import torch

from modeling import LOSSES


@pytest.mark.parametrize("name", ["Charbonnier", "Edge", "TotalVariation"])
def test_gradients_are_right(name):
    loss = LOSSES.build(name)
    output = torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), (output,))


def test_charbonnier_is_its_formula():
    output, target = np.random.default_rng(0).random((2, 1, 3, 4, 4))
    expected = np.hypot(output - target, 1e-3).mean()
    value = LOSSES.build("Charbonnier")(torch.tensor(output), torch.tensor(target))
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_charbonnier_is_smooth_at_zero():
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)
    LOSSES.build("Charbonnier")(x, torch.zeros(1, 1, 2, 2)).backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_edges_are_those_of_opencvs_laplacian():
    output, target = np.random.default_rng(0).random((2, 2, 3, 6, 7))
    steps = [
        np.hypot(cv2.Laplacian(one - other, cv2.CV_64F)[1:-1, 1:-1], 1e-3).mean()
        for one, other in zip(output.reshape(6, 6, 7), target.reshape(6, 6, 7), strict=True)
    ]
    value = LOSSES.build("Edge")(torch.tensor(output), torch.tensor(target))
    assert value.item() == pytest.approx(np.mean(steps), rel=1e-6)


def test_edges_do_not_see_how_bright_a_picture_is():
    picture = torch.rand(1, 3, 5, 6)
    value = LOSSES.build("Edge", eps=1e-6)(picture, picture + 0.3)
    assert value.item() == pytest.approx(0, abs=2e-6)


def test_total_variation_is_the_height_of_steps():
    picture = torch.zeros(1, 1, 4, 6)
    picture[..., 3:] = 0.5  # one step of 0.5 in each row of 5 differences
    loss = LOSSES.build("TotalVariation")
    assert loss(picture, picture).item() == pytest.approx(0.5 / 5)
    assert loss(picture.mT, picture.mT).item() == pytest.approx(0.5 / 5)
    assert loss(torch.full((1, 3, 5, 5), 0.7), picture).item() == 0
