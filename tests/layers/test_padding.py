"""Padding to a multiple is NumPy's edge padding, at the bottom and the right."""

import numpy as np
import pytest
import torch

from layers.padding import pad_to_multiple


@pytest.mark.parametrize("size", [(1, 1), (7, 16), (8, 24), (9, 15)])
def test_edges_are_repeated(size):
    x = torch.rand(2, 3, *size)
    bottom, right = -size[0] % 8, -size[1] % 8
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (0, bottom), (0, right)), mode="edge")
    assert np.array_equal(pad_to_multiple(x, 8).numpy(), expected)
