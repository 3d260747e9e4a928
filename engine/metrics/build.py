"""From cfg.METRICS to metrics on a device."""

import torch

from config import Config
from engine.metrics.base import Metric
from engine.registries import METRICS
from utils.registry import build_part


def build_metrics(cfg: Config, device: torch.device | str = "cpu") -> dict[str, Metric]:
    """The metrics that cfg.METRICS names, by their key there and in its order.

    Raises:
        ConfigError: naming the key, for an unknown NAME or ARGS entry.
        PellucidError: a metric's own weights are not at hand.
    """
    return {
        key: build_part(METRICS, spec, f"METRICS.{key}").to(device)
        for key, spec in cfg.METRICS.items()
    }
