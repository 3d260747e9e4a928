"""Exponentially averaged weights: steadier than those of any one step."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from utils.phases import phase


class AveragedWeights:
    """A copy of a model whose weights are the average over the steps taken.

    After each step, average = d * average + (1 - d) * model, for parameters and for floating-point
    buffers (batch norm's statistics); integer buffers are copied. d is `decay`, but
    (1 + n) / (10 + n) where that is less: after n steps a long memory would still hold the
    random weights of the beginning.

    Args:
        model: on its device, as training begins.
        decay: above 0 and below 1.

    Attributes:
        model: the averaged copy, in eval mode.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self.decay = decay
        device = next(model.parameters()).device
        self._count = torch.zeros((), dtype=torch.float64, device=device)

    @phase("averaged weights")
    @torch.no_grad()
    def update(self, model: nn.Module, skipped: Tensor) -> None:
        """Take in the weights of `model` after a step; never waits for the device.

        Args:
            model: of the same structure.
            skipped: scalar; 1 where the step was skipped and is not counted, else 0.
        """
        decay = torch.clamp((1 + self._count) / (10 + self._count), max=self.decay)
        weight = ((1 - decay) * (1 - skipped)).float()
        averages, values = [], []
        for average, value in zip(_tensors(self.model), _tensors(model), strict=True):
            if average.is_floating_point():
                averages.append(average)
                values.append(value)
            else:
                average.copy_(value)
        change = torch._foreach_sub(values, averages)
        torch._foreach_mul_(change, weight)
        torch._foreach_add_(averages, change)
        self._count += 1 - skipped

    def state_dict(self) -> dict[str, Any]:
        """The averages and how many steps they are over."""
        return {"count": int(self._count), "model": self.model.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self._count.fill_(state["count"])
        self.model.load_state_dict(state["model"])


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
