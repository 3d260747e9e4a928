"""From config to optimizer and schedule."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from torch import nn
from torch.optim import Optimizer

from config import Config
from solver.registries import OPTIMIZERS, SCHEDULERS
from solver.schedulers import Schedule
from utils.errors import ConfigError
from utils.registry import Registry, build_part


def build_optimizer(cfg: Config, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The optimizer of `SOLVER`, over the parameters that want a gradient.

    It is fused, one kernel for all parameters, where the optimizer can be: that is faster, and it
    lets the guard skip a step without waiting for the device.

    Raises:
        ConfigError: naming the key that is wrong, or where nothing is left to train.
    """
    spec = cfg.SOLVER.OPTIMIZER
    if "lr" in spec.ARGS:
        raise ConfigError("SOLVER.OPTIMIZER.ARGS.lr: the learning rate is SOLVER.LR")
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if not trained:
        raise ConfigError(f"MODEL.NAME: {cfg.MODEL.NAME} has no parameter to train")
    offered = {"params": trained, "lr": cfg.SOLVER.LR, "fused": True}
    given = _wanted(OPTIMIZERS, spec.NAME, offered)
    return build_part(OPTIMIZERS, spec, "SOLVER.OPTIMIZER", **given)


def build_scheduler(
    cfg: Config,
    optimizer: Optimizer,
    total_epochs: int,
    steps_per_epoch: int,
    higher_is_better: Mapping[str, bool] | None = None,
) -> Schedule:
    """The schedule of `SOLVER.SCHEDULER`.

    Args:
        cfg: the config; with `SOLVER.ITERATIONS` the run is that many steps long.
        optimizer: whose learning rate is set.
        total_epochs: length of the run where ITERATIONS does not say it.
        steps_per_epoch: optimizer steps in an epoch.
        higher_is_better: the figures a validation gives, and in which direction each is better.

    Raises:
        ConfigError: naming the key that is wrong.
    """
    spec = cfg.SOLVER.SCHEDULER
    offered = {
        "optimizer": optimizer,
        "total_steps": cfg.SOLVER.ITERATIONS or total_epochs * steps_per_epoch,
        "steps_per_epoch": steps_per_epoch,
        "higher_is_better": dict(higher_is_better or {}),
    }
    given = _wanted(SCHEDULERS, spec.NAME, offered)
    return build_part(SCHEDULERS, spec, "SOLVER.SCHEDULER", **given)


def _wanted(registry: Registry, name: str, offered: Mapping[str, object]) -> dict[str, object]:
    """Those of the framework's own arguments that the part's signature has."""
    if name not in registry.names():
        return {}  # build_part says what is wrong, with a proposal
    parameters = inspect.signature(registry.get(name)).parameters
    return {key: value for key, value in offered.items() if key in parameters}
