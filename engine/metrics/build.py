"""From cfg.METRICS to metrics on a device."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from config import Config
from engine.metrics.base import Metric
from engine.metrics.classification import ClassificationMetric
from engine.registries import CLASSIFICATION_METRICS, METRICS
from utils.errors import ConfigError, PartError
from utils.registry import build_part
from utils.torchvision_weights import AbsentWeightsError


def build_metrics(cfg: Config, device: torch.device | str = "cpu") -> dict[str, Metric]:
    """The metrics that cfg.METRICS names, by their key there and in its order.

    Raises:
        ConfigError: naming the key, for an unknown NAME or ARGS entry.
        AbsentWeightsError: naming it, for a metric's own weights that are not at hand.
    """
    return {key: build_metric(cfg, key).to(device) for key in cfg.METRICS}


def build_metric(cfg: Config, key: str) -> Metric:
    """One of them, on the CPU."""
    spec = cfg.METRICS[key]
    metric_class(spec, f"METRICS.{key}")
    try:
        return build_part(METRICS, spec, f"METRICS.{key}")
    except AbsentWeightsError as error:
        raise AbsentWeightsError(f"METRICS.{key}: {error}") from error


def without_metrics(cfg: Config, names: Iterable[str]) -> Config:
    """The config less some of its metrics."""
    narrowed = cfg.clone()
    narrowed.defrost()
    for name in names:
        del narrowed.METRICS[name]
    narrowed.freeze()
    return narrowed


def build_classification_metrics(cfg: Config) -> dict[str, ClassificationMetric]:
    """The same for a classifier.

    Raises:
        ConfigError: naming the key, for an unknown NAME or ARGS entry.
    """
    metrics = {}
    for key, spec in cfg.METRICS.items():
        metric_class(spec, f"METRICS.{key}", classifies=True)
        metrics[key] = build_part(CLASSIFICATION_METRICS, spec, f"METRICS.{key}")
    return metrics


def metric_class(
    spec: Mapping[str, Any], key: str, classifies: bool = False
) -> type[Metric] | type[ClassificationMetric]:
    """The metric that a node of the config names, not built yet.

    Args:
        spec: `{NAME: ..., ARGS: {...}}`.
        key: where it stands, for messages.
        classifies: whether it is to measure a classifier.

    Raises:
        ConfigError: there is none of this name, or it does not derive from `Metric`, or
            `ClassificationMetric` respectively.
    """
    registry = CLASSIFICATION_METRICS if classifies else METRICS
    base: type[Metric | ClassificationMetric] = ClassificationMetric if classifies else Metric
    try:
        metric = registry.get(spec["NAME"])
    except PartError as error:
        raise ConfigError(f"{key}.NAME: {error}") from error
    if not isinstance(metric, type) or not issubclass(metric, base):
        raise ConfigError(
            f"{key}.NAME: {spec['NAME']} must derive from engine.metrics.{base.__name__}"
        )
    return metric
