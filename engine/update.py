"""From a network's gradients to its changed weights: clipping, the guard, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from solver.schedulers import Schedule
from utils.phases import phase


class Update:
    """How one network learns.

    A step whose gradient norm is not finite changes neither weights nor optimizer state. That is
    decided on the device: PyTorch's fused optimizers take the verdict (`found_inf`, made for
    gradient scaling) as a tensor, so that the host need not wait for it; for any other optimizer
    it does.

    Args:
        network: what learns.
        optimizer: over the parameters of `network`.
        scheduler: sets the optimizer's rate; it counts skipped steps too, as it follows the
            position in the run.
        scaler: keeps fp16 gradients from vanishing; disabled in other precisions.
        clip_norm: gradients whose global norm is above this are shortened to it; None never.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        scheduler: Schedule,
        scaler: torch.amp.GradScaler,
        clip_norm: float | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scaler = scaler
        self.clip_norm = clip_norm

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self.optimizer.param_groups[0]["lr"]

    @phase("optimizer")
    def begin(self) -> None:
        """Forget the gradients of the step before."""
        self.optimizer.zero_grad(set_to_none=True)

    @phase("backward")
    def backward(self, loss: Tensor) -> None:
        """Add the gradients of `loss`, a scalar, to those of this step."""
        self.scaler.scale(loss).backward()

    @phase("optimizer")
    def finish(self) -> tuple[Tensor, Tensor]:
        """Take the step that the gathered gradients ask for, and move the schedule on.

        Returns:
            Two scalars on the device: the global norm of the gradients before clipping, and 1 where
            it was not finite and the step was skipped, else 0.
        """
        self.scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        parameters = [parameter for parameter in parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters])
        skipped = norm.isfinite().logical_not().float()
        if self.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.clip_norm, norm)
        self._step_unless(skipped)
        self.scaler.update()
        self.scheduler.step_iteration()
        return norm, skipped

    def _step_unless(self, skipped: Tensor) -> None:
        optimizer: Any = self.optimizer
        if not getattr(optimizer, "_step_supports_amp_scaling", False):
            if not skipped.item():
                optimizer.step()
            return
        optimizer.grad_scale, optimizer.found_inf = None, skipped
        try:
            optimizer.step()
        finally:
            del optimizer.grad_scale, optimizer.found_inf

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on, but for the network's own weights."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if state["scaler"]:  # a precision that needs no scaler has an empty state
            self.scaler.load_state_dict(state["scaler"])
