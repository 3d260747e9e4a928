"""The optimizers a config can name: PyTorch's own, with every argument spelt out.

`params`, `lr` and `fused` are given by the framework; the rest is what ARGS may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from solver.registries import OPTIMIZERS


@OPTIMIZERS.register
class Adam(torch.optim.Adam):
    """Adam (Kingma and Ba, 2015); `weight_decay` is added to the gradient."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        fused: bool = False,
    ) -> None:
        super().__init__(
            params, lr, _pair(betas), eps, weight_decay, amsgrad, fused=True if fused else None
        )


@OPTIMIZERS.register
class AdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        fused: bool = False,
    ) -> None:
        super().__init__(
            params, lr, _pair(betas), eps, weight_decay, amsgrad, fused=True if fused else None
        )


@OPTIMIZERS.register
class SGD(torch.optim.SGD):
    """Stochastic gradient descent, with momentum on request."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        fused: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            fused=True if fused else None,
        )

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """See `torch.optim.Optimizer.step`.

        Where the guard skips the very first step, PyTorch's fused kernel leaves the momentum as
        it was allocated, at random; here it is zero then.
        """
        skipped = getattr(self, "found_inf", None)
        first = not any(_momentum(state) is not None for state in self.state.values())
        loss = super().step(closure)
        if first and skipped is not None:
            for state in self.state.values():
                momentum = _momentum(state)
                if momentum is not None:
                    momentum.copy_(torch.where(skipped.bool(), 0.0, momentum))
        return loss


def _momentum(state: Mapping[str, Any]) -> torch.Tensor | None:
    return state.get("momentum_buffer")


def _pair(betas: Sequence[float]) -> tuple[float, float]:
    """YAML has lists only; PyTorch keeps what it is given in every checkpoint."""
    first, second = betas
    return float(first), float(second)
