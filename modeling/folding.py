"""The same function in fewer operations, for use after training."""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from layers.convolution import is_plain


def folded(model: nn.Module) -> nn.Module:
    """A copy in eval() in which what training needs is part of what stands beside it.

    In sequences, batch normalisation becomes part of the convolution before it, and a PReLU of one
    slope a leaky ReLU of that slope, which ONNX Runtime computes within the convolution. Values
    differ by rounding only, unless the network looks between the steps of a sequence.

    Args:
        model: an architecture or a classifier; it stays as it is, but in eval().
    """
    copied = copy.deepcopy(model.eval())
    for module in list(copied.modules()):
        if isinstance(module, nn.Sequential):
            _fix_slopes(module)
            _fold_normalisation(module)
            _activate_in_place(module)
    return copied


def _fix_slopes(sequence: nn.Sequential) -> None:
    """Elsewhere a network may compute with a PReLU's slope rather than call it."""
    for place, step in enumerate(sequence):
        if isinstance(step, nn.PReLU) and step.num_parameters == 1:
            sequence[place] = nn.LeakyReLU(step.weight.item())


def _fold_normalisation(sequence: nn.Sequential) -> None:
    for place in range(1, len(sequence)):
        convolution, normalisation = sequence[place - 1], sequence[place]
        learned = type(normalisation) is nn.BatchNorm2d and normalisation.track_running_stats
        if learned and is_plain(convolution):
            sequence[place - 1] = fuse_conv_bn_eval(convolution, normalisation)
            sequence[place] = nn.Identity()


def _activate_in_place(sequence: nn.Sequential) -> None:
    """What a convolution has just written nobody else holds: no second tensor is needed."""
    steps = [place for place, step in enumerate(sequence) if not isinstance(step, nn.Identity)]
    for before, place in pairwise(steps):
        writes = isinstance(sequence[before], nn.Conv2d | nn.ConvTranspose2d)
        if writes and isinstance(step := sequence[place], nn.LeakyReLU):
            # One of its own: elsewhere the network may use the same step on what it still needs.
            sequence[place] = nn.LeakyReLU(step.negative_slope, inplace=True)
