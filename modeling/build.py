"""From a config to a model and its losses."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES, LOSSES
from utils.errors import ConfigError
from utils.registry import build_part


def build_model(cfg: Any) -> nn.Module:
    """Build the architecture that MODEL names, with random weights, on the CPU.

    Raises:
        ConfigError: an unknown architecture or argument, or one that is no architecture.
    """
    return build_architecture(cfg.MODEL, "MODEL")


def build_architecture(spec: Mapping[str, Any], key: str) -> nn.Module:
    """`build_model` of a node `{NAME: ..., ARGS: {...}}` that stands at `key`."""
    model = build_part(ARCHITECTURES, spec, key)
    if not isinstance(model, nn.Module) or not isinstance(
        getattr(model, "descriptor", None), Descriptor
    ):
        raise ConfigError(
            f"{key}.NAME: {spec['NAME']} must be an nn.Module with a descriptor, which states "
            "its scale, channels and field; docs/extending.md shows one"
        )
    return model


def build_losses(cfg: Any) -> dict[str, tuple[nn.Module, float]]:
    """Build the losses of a run: name -> (loss, weight), in the config's order.

    Raises:
        ConfigError: LOSSES is empty, or names an unknown loss or argument, or what is no loss.
    """
    if not cfg.LOSSES:
        raise ConfigError("LOSSES: is empty; name one, such as pixel: {NAME: L1}")
    losses = {}
    for name, spec in cfg.LOSSES.items():
        loss = build_part(LOSSES, spec, f"LOSSES.{name}")
        if not isinstance(loss, nn.Module):
            raise ConfigError(f"LOSSES.{name}.NAME: {spec['NAME']} must be an nn.Module")
        losses[name] = (loss, float(spec.get("WEIGHT", 1.0)))
    return losses
