"""How large a network is."""

from torch import nn


def count_parameters(network: nn.Module) -> int:
    """How many numbers a network learns, those that are held still among them."""
    return sum(parameter.numel() for parameter in network.parameters())
