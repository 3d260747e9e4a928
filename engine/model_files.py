"""From a weights file to the model that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from config import Config, load_config
from engine.checkpoint import load_into, load_weights
from modeling.build import build_model
from modeling.recognition import build_for
from modeling.registries import ARCHITECTURES
from utils.errors import CheckpointError, ConfigError


@dataclass(frozen=True)
class StoredModel:
    """A model with its weights, on the CPU, and what their file says of them.

    Attributes:
        model: an architecture.
        cfg: the config of the run that made the weights; None in another program's file.
        metrics: their figures, and how they were picked; empty likewise.
    """

    model: nn.Module
    cfg: Config | None
    metrics: dict[str, Any]


def load_model(path: str | Path, otherwise: Config | None = None) -> StoredModel:
    """Build the model that a weights file states, and give it the weights.

    A config, .yml, serves too where its architecture comes with weights or has nothing to learn.

    Args:
        path: a weights file.
        otherwise: whose MODEL a file belongs to that states none, another program's, where it
            fits; else its entries tell its architecture, one of ours. Without a config that may
            also be one that spandrel knows.

    Raises:
        CheckpointError: the file cannot be read, does not fit its model, or is of no architecture
            that is known.
        ConfigError: a config is wrong, or its architecture needs weights.
    """
    if Path(path).suffix in (".yml", ".yaml"):
        return _of_config(path)
    state, cfg, metrics = load_weights(path)
    stated = cfg or otherwise
    if stated is None:
        return StoredModel(_recognised(path, state), None, {})
    try:
        model = build_model(stated)
    except ConfigError as error:
        plugins = f"; it was trained with PLUGINS {list(stated.PLUGINS)}" if stated.PLUGINS else ""
        raise CheckpointError(f"{path}: its model cannot be built: {error}{plugins}") from error
    try:
        load_into(model, state, str(path))
    except CheckpointError:
        own = build_for(state) if cfg is None else None
        if own is None:
            raise
        load_into(own, state, str(path))
        model = own
    return StoredModel(model, cfg, metrics)


def _recognised(path: str | Path, state: Mapping[str, Tensor]) -> nn.Module:
    """The model of another program's file, with the weights."""
    model = build_for(state)
    if model is None:
        return ARCHITECTURES.build("Spandrel", path=str(path))
    load_into(model, state, str(path))
    return model


def _of_config(path: str | Path) -> StoredModel:
    """The model of a config that needs no weights file."""
    cfg = load_config(path)
    model = build_model(cfg)
    if not model.descriptor.pretrained:
        raise ConfigError(
            f"{path}: {cfg.MODEL.NAME} needs weights; give a .safetensors file of them, which says "
            "by itself which architecture it belongs to"
        )
    return StoredModel(model, cfg, {})
