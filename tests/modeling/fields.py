"""How far a network sees, measured."""

import torch
from torch import nn


def seen_field(model: nn.Module) -> int:
    """Side of the square around an output pixel's place outside of which no gradient arrives.

    From every place of the grid on which the network works, on pictures somewhat larger than the
    field it describes; a network in float64, with weights that let nothing cancel.
    """
    grid, described = model.descriptor.size_multiple, model.descriptor.receptive_field
    side = -(-(described + 3 * grid) // grid) * grid
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    output = model(x)
    first, reach = side // 2 // grid * grid, 0
    for row in range(first, first + grid):
        (gradient,) = torch.autograd.grad(output[0, 0, row, row], x, retain_graph=True)
        reach = max(reach, int((gradient[0].abs().sum(0).nonzero() - row).abs().max()))
    return 2 * reach + 1
