"""Learning rate over time.

A schedule multiplies each parameter group's base rate (`SOLVER.LR`) by one factor. The factor
follows from the number of optimizer steps taken, so nothing drifts over a resume; only
`ReduceOnPlateau` remembers more. The framework gives `optimizer`, `total_steps`, `steps_per_epoch`
and `higher_is_better` to those schedules whose signature asks for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch.optim import Optimizer

from solver.registries import SCHEDULERS
from utils.registry import did_you_mean


class Schedule:
    """Base of all schedules: the rate stays what it is.

    A subclass overrides `factor`, or `step_validation` when it listens to metrics.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.steps = 0
        self._base = [group["lr"] for group in optimizer.param_groups]

    def factor(self) -> float:
        """What the base rate is multiplied by, after `self.steps` optimizer steps."""
        return 1.0

    def step_iteration(self) -> None:
        """Count one optimizer step and set the rate of the next."""
        self.steps += 1
        self._apply()

    def step_validation(self, metrics: Mapping[str, float]) -> None:
        """Hear the figures of a validation; most schedules do not care."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on, in plain Python."""
        return {"steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken, and set the rate accordingly."""
        self.steps = state["steps"]
        self._apply()

    def _apply(self) -> None:
        factor = self.factor()
        for group, base in zip(self.optimizer.param_groups, self._base, strict=True):
            group["lr"] = base * factor


@SCHEDULERS.register
class Constant(Schedule):
    """The base rate from the first step to the last."""

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer)


@SCHEDULERS.register
class MultiStep(Schedule):
    """The rate times `gamma` at each milestone.

    Args:
        milestones: epochs after which the rate drops; fractions of an epoch are allowed.
        gamma: what it is multiplied by, above 0.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        steps_per_epoch: int,
        milestones: Sequence[float],
        gamma: float = 0.1,
    ) -> None:
        super().__init__(optimizer)
        if gamma <= 0 or any(milestone <= 0 for milestone in milestones):
            raise ValueError("gamma and milestones are above 0")
        self._milestones = [round(milestone * steps_per_epoch) for milestone in milestones]
        self._gamma = gamma

    def factor(self) -> float:
        """See `Schedule.factor`."""
        return self._gamma ** sum(self.steps >= milestone for milestone in self._milestones)


@SCHEDULERS.register
class Cosine(Schedule):
    """A linear rise over the warm-up, then half a cosine down to `min_lr` at the run's last step.

    Args:
        warmup_epochs: length of the rise; fractions of an epoch are allowed.
        min_lr: the rate at the end, at most the base rate.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        steps_per_epoch: int,
        warmup_epochs: float = 0.0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(optimizer)
        if warmup_epochs < 0 or min_lr < 0 or min_lr > min(self._base):
            raise ValueError("warmup_epochs is 0 or more, min_lr between 0 and SOLVER.LR")
        self._warmup = round(warmup_epochs * steps_per_epoch)
        if self._warmup >= total_steps:
            raise ValueError(f"a warm-up of {warmup_epochs} epochs is not shorter than the run")
        self._total = total_steps
        self._min_lr = min_lr
        self._apply()

    def factor(self) -> float:
        """See `Schedule.factor`."""
        if self.steps < self._warmup:
            return (self.steps + 1) / (self._warmup + 1)
        done = min((self.steps - self._warmup) / (self._total - self._warmup), 1.0)
        floor = self._min_lr / self._base[0]
        return floor + (1.0 - floor) * (1.0 + math.cos(math.pi * done)) / 2.0


@SCHEDULERS.register
class ReduceOnPlateau(Schedule):
    """The rate times `factor` whenever a metric stops getting better.

    Args:
        metric: a metric of the config, or "loss" for the validation loss; whether more or less of
            it is better is the metric's own knowledge.
        factor: what the rate is multiplied by, between 0 and 1.
        patience: validations without a better value that are waited for; the next one reduces.
        min_delta: how much better a value must be to count, in the metric's unit.
        min_lr: the rate is never reduced below this.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        higher_is_better: Mapping[str, bool],
        metric: str,
        factor: float = 0.5,
        patience: int = 5,
        min_delta: float = 0.0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(optimizer)
        if metric not in higher_is_better:
            raise ValueError(f"no metric {metric!r}; {did_you_mean(metric, higher_is_better)}")
        if not 0.0 < factor < 1.0 or patience < 0 or min_delta < 0:
            raise ValueError("factor lies between 0 and 1; patience and min_delta are 0 or more")
        self._metric, self._sign = metric, 1.0 if higher_is_better[metric] else -1.0
        self._factor, self._patience = factor, patience
        self._min_delta, self._min_lr = min_delta, min_lr
        self._best: float | None = None
        self._worse = 0
        self._reductions = 0

    def factor(self) -> float:
        """See `Schedule.factor`."""
        return max(self._factor**self._reductions, min(self._min_lr / self._base[0], 1.0))

    def step_validation(self, metrics: Mapping[str, float]) -> None:
        """Count a validation without a better value, and reduce the rate when patience ends."""
        value = self._sign * metrics[self._metric]
        if self._best is None or value > self._best + self._min_delta:
            self._best, self._worse = value, 0
            return
        self._worse += 1
        if self._worse > self._patience:
            self._reductions += 1
            self._worse = 0
            self._apply()

    def state_dict(self) -> dict[str, Any]:
        """See `Schedule.state_dict`."""
        memory = {"best": self._best, "worse": self._worse, "reductions": self._reductions}
        return {**super().state_dict(), **memory}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Schedule.load_state_dict`."""
        self._best, self._worse = state["best"], state["worse"]
        self._reductions = state["reductions"]
        super().load_state_dict(state)
