"""From a config to a model and its losses."""

from typing import Any

from torch import nn

from modeling.registries import ARCHITECTURES, LOSSES
from utils.errors import ConfigError
from utils.registry import build_part


def build_model(cfg: Any) -> nn.Module:
    """Build the architecture that MODEL names, with random weights, on the CPU.

    Raises:
        ConfigError: an unknown architecture or argument.
    """
    return build_part(ARCHITECTURES, cfg.MODEL, "MODEL")


def build_losses(cfg: Any) -> dict[str, tuple[nn.Module, float]]:
    """Build the losses of a run: name -> (loss, weight), in the config's order.

    Raises:
        ConfigError: LOSSES is empty, or names an unknown loss or argument.
    """
    if not cfg.LOSSES:
        raise ConfigError("LOSSES: is empty; name one, such as pixel: {NAME: L1}")
    return {
        name: (build_part(LOSSES, spec, f"LOSSES.{name}"), float(spec.get("WEIGHT", 1.0)))
        for name, spec in cfg.LOSSES.items()
    }
