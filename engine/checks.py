"""What a run refuses before it begins, so that nothing is lost or misjudged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from config import Config, as_dict
from data.build import open_dataset
from data.inventory import inventory_of
from engine.checkpoint import is_saved
from engine.metrics.build import metric_class
from engine.step import GRADIENT, TOTAL
from modeling.build import classifies
from utils.distributed import world_size
from utils.errors import ConfigError, TrainingError
from utils.registry import did_you_mean

# Without these being equal, a resumed run would not be the same run.
_MUST_MATCH = (
    "SEED",
    "LEARNER",
    "MODEL.NAME",
    "MODEL.ARGS",
    "LOSSES",
    "DATA.CHANNELS",
    "DATA.REPRESENTATION",
    "DATA.EPOCH_SIZE",
    "DATA.BATCH_SIZE",
    "SOLVER.OPTIMIZER",
    "SOLVER.LR",
    "SOLVER.SCHEDULER",
    "SOLVER.NETWORKS",
    "SOLVER.AVERAGE",
    "VALIDATION.TRACK",
)

# What is told beside losses and metrics, by names of its own.
_TAKEN = {
    "LOSSES": (TOTAL, GRADIENT, "skipped", "lr", "speed", "eta"),
    "METRICS": (TOTAL, "name"),
}


def refuse_overlap(cfg: Config) -> None:
    """Training and validation must not be one data set, unless it gives each a share of its own.

    Raises:
        ConfigError: they are.
        DataError: they are, and it is missing.
    """
    train, val = as_dict(cfg.DATASETS.TRAIN), as_dict(cfg.DATASETS.VAL)
    if train == val and not inventory_of(open_dataset(cfg, "train")).divisions:
        raise ConfigError(
            "DATASETS.VAL: is the same data set as DATASETS.TRAIN; a model must be validated on "
            "pictures it does not learn from (data sets of pairs can be divided: shares)"
        )


def refuse_occupied(checkpoint: Path) -> None:
    """A new run must not overwrite an older one.

    Raises:
        TrainingError: `checkpoint`, or one before it, is there.
    """
    if is_saved(checkpoint):
        raise TrainingError(
            f"{checkpoint}: a run is already there; go on with --resume, or choose another "
            "OUTPUT_DIR"
        )


def refuse_absent(checkpoint: Path) -> None:
    """Only a run that was saved can be gone on with.

    Raises:
        TrainingError: neither `checkpoint` nor one before it is there.
    """
    if not is_saved(checkpoint):
        raise TrainingError(
            f"{checkpoint}: there is no run to go on with; leave --resume out, or set OUTPUT_DIR "
            "to the run's folder"
        )


def refuse_changes(saved: Mapping[str, Any], cfg: Config, checkpoint: Path) -> list[str]:
    """A resumed run must be the run it was; a longer one is allowed.

    Args:
        saved: the checkpoint: its `config`, in plain Python, and the `generators` of each process.
        cfg: the config now.
        checkpoint: named in messages.

    Returns:
        What else differs, as "KEY was A, is B", for the log: options, the number of processes.

    Raises:
        TrainingError: an option differs that must not.
    """
    before, now = dict(_options(saved["config"])), dict(_options(as_dict(cfg)))
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    told = {key: f"{key} was {before.get(key)}, is {now.get(key)}" for key in changed}
    for key in changed:
        if any(key == must or key.startswith(f"{must}.") for must in _MUST_MATCH):
            raise TrainingError(
                f"{checkpoint}: cannot go on with another {key.rpartition('.')[0] or key}: "
                f"{told[key]}; put it back, or begin a new run in another OUTPUT_DIR"
            )
    processes = len(saved["generators"])
    if processes != world_size():
        told["processes"] = f"the number of processes was {processes}, is {world_size()}"
    return list(told.values())


def _options(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _options(value, f"{prefix}{key}.")
        elif not isinstance(value, Mapping):
            yield f"{prefix}{key}", value


def metric_directions(cfg: Config) -> dict[str, bool]:
    """Each figure of a validation that can be tracked, and whether more of it is better.

    Raises:
        ConfigError: VALIDATION.TRACK is none of them, an unknown metric is named, or a name of a
            loss or metric is taken.
    """
    for key, taken in _TAKEN.items():
        for name in taken:
            if name in cfg[key]:
                raise ConfigError(f"{key}.{name}: this name stands for something else; use another")
    for name in cfg.LOSSES:
        if name in cfg.METRICS:
            raise ConfigError(
                f"LOSSES.{name}: METRICS has a {name} too, and both would be told as val/{name}; "
                "give one of them another name"
            )
    directions = {TOTAL: False}
    for name, spec in cfg.METRICS.items():
        kind = metric_class(spec, f"METRICS.{name}", classifies(cfg))
        directions[name] = kind.higher_is_better
    track = cfg.VALIDATION.TRACK
    if track not in directions:
        raise ConfigError(
            f"VALIDATION.TRACK: no metric of METRICS is called {track!r}; "
            f"{did_you_mean(track, directions)}"
        )
    return directions


def check_networks(cfg: Config, networks: Mapping[str, nn.Module]) -> None:
    """SOLVER.NETWORKS must speak of networks that the learner trains.

    Raises:
        ConfigError: it names another.
    """
    for name in cfg.SOLVER.NETWORKS:
        if name not in networks:
            raise ConfigError(
                f"SOLVER.NETWORKS.{name}: LEARNER {cfg.LEARNER.NAME} trains no such network; "
                f"{did_you_mean(name, networks)}"
            )


def check_trainable(cfg: Config, model: nn.Module) -> None:
    """There must be something to learn.

    Raises:
        ConfigError: the architecture has no parameters.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(
            f"MODEL.NAME: {cfg.MODEL.NAME} has nothing to learn; measure it with tools/test_net.py"
        )


def check_channels(cfg: Config, model: nn.Module, name: str) -> None:
    """Pictures must have the channels that the architecture takes.

    Raises:
        ConfigError: they have not; it calls the model `name`.
    """
    takes = model.descriptor.channels
    if takes not in (0, cfg.DATA.CHANNELS):
        raise ConfigError(f"DATA.CHANNELS: is {cfg.DATA.CHANNELS}, but {name} takes {takes}")
