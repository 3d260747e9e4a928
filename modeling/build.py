"""From a config to a model and its losses."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from modeling.descriptor import ClassifierDescriptor, Descriptor
from modeling.registries import ARCHITECTURES, CLASSIFIERS, LOSSES
from utils.errors import ConfigError
from utils.registry import build_part


def classifies(cfg: Any) -> bool:
    """Whether MODEL names a classifier, and no architecture of image to image."""
    return cfg.MODEL.NAME in CLASSIFIERS.names()


def build_network(cfg: Any) -> nn.Module:
    """Build the architecture or the classifier that MODEL names, as the two below do."""
    return build_classifier(cfg) if classifies(cfg) else build_model(cfg)


def build_classifier(cfg: Any) -> nn.Module:
    """Build the classifier that MODEL names, with random weights, on the CPU.

    Raises:
        ConfigError: an unknown classifier or argument, or one that is no classifier.
    """
    model = build_part(CLASSIFIERS, cfg.MODEL, "MODEL")
    descriptor = getattr(model, "descriptor", None)
    if not isinstance(model, nn.Module) or not isinstance(descriptor, ClassifierDescriptor):
        raise ConfigError(
            f"MODEL.NAME: {cfg.MODEL.NAME} must be an nn.Module with a ClassifierDescriptor, which "
            "names its classes; docs/rooms/modeling.md shows one"
        )
    return model


def build_model(cfg: Any) -> nn.Module:
    """Build the architecture that MODEL names, with random weights, on the CPU.

    Raises:
        ConfigError: an unknown architecture or argument, or one that is no architecture.
    """
    return build_architecture(cfg.MODEL, "MODEL")


def build_architecture(spec: Mapping[str, Any], key: str) -> nn.Module:
    """`build_model` of a node `{NAME: ..., ARGS: {...}}` that stands at `key`."""
    if spec["NAME"] in CLASSIFIERS.names():
        raise ConfigError(
            f"{key}.NAME: {spec['NAME']} tells what a picture is and restores none; "
            "tools/detect.py asks it"
        )
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
