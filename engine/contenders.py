"""What a table compares: models with their weights, each by the name of its row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from config import Config
from config.text import inline
from engine import checks
from engine.checkpoint import load_into, load_weights
from engine.evaluator import ENLARGED, INPUT
from engine.model_files import load_model
from engine.restorer import Restorer
from modeling.build import build_architecture, build_model
from utils.errors import CheckpointError, ConfigError

_Found = tuple[str, nn.Module, str]  # a row's name, its model, and where its weights come from


@dataclass(frozen=True)
class Contender:
    """A model with its weights, on its device, and where these come from, in words."""

    restorer: Restorer
    origin: str

    @property
    def model(self) -> nn.Module:
        """The model, in eval()."""
        return self.restorer.model


def find_contenders(cfg: Config, weights: Sequence[Path]) -> dict[str, Contender]:
    """The BASELINES, then the model of each weights file, by the names of their rows.

    Args:
        cfg: BASELINES, MODEL, DEVICE, PRECISION and DATA.CHANNELS are read.
        weights: each of several files states its model, or else belongs to MODEL or, where that
            does not fit, to what its entries tell; its row has the file's name. A single file
            belongs to MODEL, and its row has that name. Without any it is the run's own best, or
            what the architecture comes with.

    Raises:
        ConfigError: two rows of one name, a baseline that would need weights, a model that takes
            other channels, or a part, device or precision that is wrong.
        CheckpointError: weights that are missing or do not fit.
    """
    found = [_baseline(cfg, name) for name in cfg.BASELINES]
    if len(weights) > 1:
        found += [_of_file(cfg, path) for path in weights]
    else:
        found.append(_of_config(cfg, *weights))
    refuse_equal_names([INPUT, ENLARGED, *(name for name, _, _ in found)])
    for name, model, _ in found:
        checks.check_channels(cfg, model, name)
    return {
        name: Contender(Restorer(model, cfg.DEVICE, cfg.PRECISION), origin)
        for name, model, origin in found
    }


def refuse_equal_names(names: Iterable[str]) -> None:
    """Each row of a table must have a name of its own.

    Raises:
        ConfigError: naming the first that two have.
    """
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"two rows of the table would be called {name!r}; rename a file or row")


def common_scale(models: Mapping[str, nn.Module]) -> int:
    """The scale of all of them.

    Raises:
        ConfigError: they differ.
    """
    scales = {name: model.descriptor.scale for name, model in models.items()}
    if len(set(scales.values())) != 1:
        told = ", ".join(f"{name} x{scale}" for name, scale in scales.items())
        raise ConfigError(f"rows differ in scale ({told}); measure each scale by itself")
    return next(iter(scales.values()))


def described(spec: Mapping[str, Any]) -> str:
    """A part in words: its name and arguments."""
    arguments = ", ".join(f"{key} {inline(value)}" for key, value in spec["ARGS"].items())
    return spec["NAME"] + (f" ({arguments})" if arguments else "")


def _baseline(cfg: Config, name: str) -> _Found:
    key, spec = f"BASELINES.{name}", cfg.BASELINES[name]
    model = build_architecture(spec, key)
    if not model.descriptor.pretrained:
        raise ConfigError(f"{key}.NAME: {spec.NAME} needs weights; name its file with --weights")
    return name, model, f"as built: {described(spec)}"


def _of_file(cfg: Config, path: Path) -> _Found:
    _require(path)
    stored = load_model(path, otherwise=cfg)
    return path.stem, stored.model, _origin(path, stored.cfg, stored.metrics)


def _of_config(cfg: Config, path: Path | None = None) -> _Found:
    name, model = cfg.MODEL.NAME, build_model(cfg)
    if path is None and model.descriptor.pretrained:
        return name, model, f"weights of {described(cfg.MODEL)}"
    path = path or Path(cfg.OUTPUT_DIR) / "checkpoints" / "best.safetensors"
    _require(path)
    state, own, metrics = load_weights(path)
    load_into(model, state, str(path))
    return name, model, _origin(path, own, metrics)


def _require(weights: Path) -> None:
    if not weights.is_file():
        raise CheckpointError(
            f"{weights}: there are no such weights; train with tools/train_net.py or name a file "
            "with --weights"
        )


def _origin(path: Path, cfg: Config | None, metrics: Mapping[str, Any]) -> str:
    """The file, and which pictures picked it among those of its run."""
    if cfg is None or "tracked" not in metrics:
        return f"weights {path}, which do not say how they were picked"
    pictures = f"VAL {described(cfg.DATASETS.VAL)}"
    return (
        f"weights {path}, of epoch {metrics['epoch']}, picked by {metrics['tracked']} on {pictures}"
    )
