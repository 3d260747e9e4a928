"""The same function in fewer operations, for use after training."""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(model: nn.Module) -> nn.Module:
    """A copy in eval() in which what training needs is part of what stands beside it.

    Batch normalisation becomes part of the convolution before it, and a PReLU of one slope a
    leaky ReLU of that slope, which ONNX Runtime computes within the convolution. Values differ by
    rounding only.

    Args:
        model: an architecture or a classifier; it stays as it is, but in eval().
    """
    copied = copy.deepcopy(model.eval())
    for module in list(copied.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.PReLU) and child.num_parameters == 1:
                setattr(module, name, nn.LeakyReLU(child.weight.item()))
        if isinstance(module, nn.Sequential):
            _fold_normalisation(module)
            _activate_in_place(module)
    return copied


def _fold_normalisation(sequence: nn.Sequential) -> None:
    for place in range(1, len(sequence)):
        convolution, normalisation = sequence[place - 1], sequence[place]
        if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
            sequence[place - 1] = fuse_conv_bn_eval(convolution, normalisation)
            sequence[place] = nn.Identity()


def _activate_in_place(sequence: nn.Sequential) -> None:
    """What a convolution has just written nobody else holds: no second tensor is needed."""
    steps = [step for step in sequence if not isinstance(step, nn.Identity)]
    for before, step in pairwise(steps):
        if isinstance(before, nn.Conv2d | nn.ConvTranspose2d) and isinstance(step, nn.LeakyReLU):
            step.inplace = True
