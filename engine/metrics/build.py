"""From cfg.METRICS to metrics on a device."""

from collections.abc import Mapping
from typing import Any

import torch

from config import Config
from engine.metrics.base import Metric
from engine.registries import METRICS
from utils.errors import ConfigError, PartError
from utils.registry import build_part


def build_metrics(cfg: Config, device: torch.device | str = "cpu") -> dict[str, Metric]:
    """The metrics that cfg.METRICS names, by their key there and in its order.

    Raises:
        ConfigError: naming the key, for an unknown NAME or ARGS entry.
        PellucidError: a metric's own weights are not at hand.
    """
    metrics = {}
    for key, spec in cfg.METRICS.items():
        metric_class(spec, f"METRICS.{key}")
        metrics[key] = build_part(METRICS, spec, f"METRICS.{key}").to(device)
    return metrics


def metric_class(spec: Mapping[str, Any], key: str) -> type[Metric]:
    """The metric that a node of the config names, not built yet.

    Args:
        spec: `{NAME: ..., ARGS: {...}}`.
        key: where it stands, for messages.

    Raises:
        ConfigError: there is none of this name, or it does not derive from `Metric`.
    """
    try:
        metric = METRICS.get(spec["NAME"])
    except PartError as error:
        raise ConfigError(f"{key}.NAME: {error}") from error
    if not isinstance(metric, type) or not issubclass(metric, Metric):
        raise ConfigError(f"{key}.NAME: {spec['NAME']} must derive from engine.metrics.Metric")
    return metric
