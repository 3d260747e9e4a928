"""From a weights file to the model that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from config import Config, load_config
from data.build import build_representation
from engine.checkpoint import load_into, load_weights
from engine.onnx_network import load_onnx
from modeling.build import build_classifier, build_model, classifies
from modeling.descriptor import ClassifierDescriptor, Descriptor
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


@dataclass(frozen=True)
class StoredClassifier(StoredModel):
    """A classifier with its weights, and the config, which says what it sees of a picture."""

    cfg: Config


def load_model(path: str | Path, otherwise: Config | None = None) -> StoredModel:
    """Build the model that a weights file states, and give it the weights.

    A config, .yml, serves too where its architecture comes with weights or has nothing to learn,
    and so does an exported network, .onnx.

    Args:
        path: a weights file.
        otherwise: whose MODEL a file belongs to that states none, another program's, where it
            fits; else its entries tell its architecture, one of ours. Without a config that may
            also be one that spandrel knows.

    Raises:
        CheckpointError: the file cannot be read, does not fit its model, or is of no architecture
            that is known.
        ConfigError: a config is wrong, or its architecture needs weights; or ONNX Runtime, which
            reads .onnx files, is not installed.
    """
    if Path(path).suffix in (".yml", ".yaml"):
        return _of_config(path)
    if is_onnx(path):
        return _of_onnx(path)
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


def load_classifier(path: str | Path) -> StoredClassifier:
    """The classifier of a weights file, with its weights, and the config it was trained with.

    Raises:
        CheckpointError: the file cannot be read, or is not of a classifier.
    """
    if is_onnx(path):
        return _classifier_of_onnx(path)
    state, cfg, metrics = load_weights(path)
    if cfg is None or not classifies(cfg):
        kind = "of another program" if cfg is None else f"of {cfg.MODEL.NAME}, which restores"
        raise CheckpointError(f"{path}: is no classifier's weights but {kind}")
    try:
        model = build_classifier(cfg)
        build_representation(cfg)
    except ConfigError as error:
        raise CheckpointError(f"{path}: its classifier cannot be built: {error}") from error
    load_into(model, state, str(path))
    return StoredClassifier(model, cfg, metrics)


def load_network(path: str | Path) -> StoredModel:
    """What `load_classifier` gives for a classifier's weights file, and `load_model` for any other.

    Raises:
        CheckpointError: as they do.
        ConfigError: likewise.
    """
    if Path(path).suffix == ".safetensors":
        _, cfg, _ = load_weights(path)
        if cfg is not None and classifies(cfg):
            return load_classifier(path)
    return load_model(path)


def is_onnx(path: str | Path) -> bool:
    """Whether a file is an exported network, by its suffix."""
    return Path(path).suffix.lower() == ".onnx"


def _of_onnx(path: str | Path) -> StoredModel:
    model = load_onnx(path)
    if not isinstance(model.descriptor, Descriptor):
        raise CheckpointError(
            f"{path}: {model.architecture} tells what a picture is and restores none; "
            "tools/detect.py asks it"
        )
    return StoredModel(model, model.metadata.cfg, model.metadata.metrics)


def _classifier_of_onnx(path: str | Path) -> StoredClassifier:
    model = load_onnx(path)
    if not isinstance(model.descriptor, ClassifierDescriptor) or model.metadata.cfg is None:
        raise CheckpointError(f"{path}: is no classifier but {model.architecture}, which restores")
    return StoredClassifier(model, model.metadata.cfg, model.metadata.metrics)


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
