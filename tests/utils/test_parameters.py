"""Sizes of networks that others have counted."""

import torch

from utils.parameters import count_parameters
from utils.torchvision_compat import import_torchvision


def test_is_the_published_size():
    with torch.device("meta"):
        network = import_torchvision().models.mobilenet_v3_small()
    network.features.requires_grad_(False)
    assert count_parameters(network) == 2_542_856  # torchvision's own documentation
