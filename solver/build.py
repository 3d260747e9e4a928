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


def build_optimizer(
    cfg: Config, parameters: Iterable[nn.Parameter], network: str = ""
) -> Optimizer:
    """The optimizer of `SOLVER`, over the parameters that want a gradient.

    With `SPEED.FUSED` it is one kernel for all parameters, where the optimizer can be: that is
    faster, and it lets the guard skip a step without waiting for the device.

    Args:
        cfg: the config.
        parameters: of one network.
        network: its name among the learner's; what `SOLVER.NETWORKS` says about it goes first.

    Raises:
        ConfigError: naming the key that is wrong, or where nothing is left to train.
    """
    key, spec = _spec(cfg, "OPTIMIZER", network)
    if "lr" in spec.ARGS:
        raise ConfigError(f"{key}.ARGS.lr: the learning rate is {key.rpartition('.')[0]}.LR")
    own_lr = cfg.SOLVER.NETWORKS[network].LR if network in cfg.SOLVER.NETWORKS else None
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if not trained:
        raise ConfigError(f"MODEL.NAME: {cfg.MODEL.NAME} has no parameter to train")
    lr = cfg.SOLVER.LR if own_lr is None else own_lr
    offered = {"params": trained, "lr": lr, "fused": cfg.SPEED.FUSED}
    given = _wanted(OPTIMIZERS, spec.NAME, offered)
    return build_part(OPTIMIZERS, spec, key, **given)


def build_scheduler(
    cfg: Config,
    optimizer: Optimizer,
    total_epochs: int,
    steps_per_epoch: int,
    higher_is_better: Mapping[str, bool] | None = None,
    network: str = "",
) -> Schedule:
    """The schedule of `SOLVER.SCHEDULER`.

    Args:
        cfg: the config; with `SOLVER.ITERATIONS` the run is that many steps long.
        optimizer: whose learning rate is set.
        total_epochs: length of the run where ITERATIONS does not say it.
        steps_per_epoch: optimizer steps in an epoch.
        higher_is_better: the figures a validation gives, and in which direction each is better.
        network: whose optimizer it is, as for `build_optimizer`.

    Raises:
        ConfigError: naming the key that is wrong.
    """
    key, spec = _spec(cfg, "SCHEDULER", network)
    offered = {
        "optimizer": optimizer,
        "total_steps": cfg.SOLVER.ITERATIONS or total_epochs * steps_per_epoch,
        "steps_per_epoch": steps_per_epoch,
        "higher_is_better": dict(higher_is_better or {}),
    }
    given = _wanted(SCHEDULERS, spec.NAME, offered)
    return build_part(SCHEDULERS, spec, key, **given)


def _spec(cfg: Config, kind: str, network: str) -> tuple[str, Config]:
    """Where `network`'s optimizer or schedule is named, and what stands there."""
    own = cfg.SOLVER.NETWORKS.get(network)
    if own is not None and own[kind].NAME:
        return f"SOLVER.NETWORKS.{network}.{kind}", own[kind]
    return f"SOLVER.{kind}", cfg.SOLVER[kind]


def _wanted(registry: Registry, name: str, offered: Mapping[str, object]) -> dict[str, object]:
    """Those of the framework's own arguments that the part's signature has."""
    if name not in registry.names():
        return {}  # build_part says what is wrong, with a proposal
    parameters = inspect.signature(registry.get(name)).parameters
    return {key: value for key, value in offered.items() if key in parameters}
