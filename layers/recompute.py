"""Parts of a network that trade time for memory in training."""

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Recomputable(nn.Module):
    """A part that can forget what it computed inside, and compute it anew going backward.

    Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016: of all such parts only what
    goes in is kept, and the inside of one at a time; it costs one more forward pass of each.
    Gradients stay the same. A part must not hold batch norm, which would count each batch twice.

    Attributes:
        recompute: whether it does; the engine sets it where SOLVER.RECOMPUTE asks for it.
    """

    recompute = False

    def __call__(self, *inputs: Any) -> Any:
        """The part's output; without gradients, as in validation, nothing is kept anyway."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(super().__call__, *inputs, use_reentrant=False)
        return super().__call__(*inputs)
