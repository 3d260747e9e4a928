"""Cross entropy against its formula."""

import math

import pytest
import torch

from modeling import LOSSES


def test_it_is_the_likelihood_of_the_right_class():
    scores = torch.tensor([[2.0, 0.0], [0.0, math.log(3)]])
    value = LOSSES.build("CrossEntropy")(scores, torch.tensor([0, 1]))
    expected = (math.log(1 + math.exp(-2)) + math.log(4 / 3)) / 2
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_smoothing_shares_the_likelihood():
    scores = torch.tensor([[0.0, math.log(3)]])
    value = LOSSES.build("CrossEntropy", label_smoothing=0.2)(scores, torch.tensor([1]))
    assert value.item() == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4), rel=1e-6)
