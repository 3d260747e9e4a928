"""Activations whose gradients cost a CPU no more than they must."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F


class PReLU(nn.PReLU):
    """One learnt slope below zero, for all channels: any shape -> the same shape.

    He et al., "Delving Deep into Rectifiers", ICCV 2015, equation 1. Output, gradients and state
    are `nn.PReLU`'s to the bit. On a CPU, PyTorch's own gradients are slow: it writes the slope's
    for every pixel, beside the input's, by a loop that is not vectorised.
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        plain = not torch.is_grad_enabled() or torch.compiler.is_compiling()
        if plain or x.device.type != "cpu":
            return super().forward(x)
        slope = self.weight
        if torch.is_autocast_enabled("cpu"):  # which casts both for PyTorch's own
            dtype = torch.get_autocast_dtype("cpu")
            x, slope = x.to(dtype), slope.to(dtype)
        return _OnCPU.apply(x, slope)


class _OnCPU(torch.autograd.Function):
    """PReLU by operations that are vectorised."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return F.prelu(x, slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        # Of a tensor on the CPU, reading the slope waits for nothing.
        of_x = torch.ops.aten.leaky_relu_backward(gradient, x, slope.item(), False)
        of_slope = x.clamp(max=0).mul_(gradient).sum().reshape_as(slope)
        return of_x, of_slope
