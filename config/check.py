"""Checks of values that a type alone does not make right."""

import math
import re
from functools import reduce
from typing import Any

from config.merge import Merge
from utils.errors import ConfigError
from utils.registry import did_you_mean

_CHOICES: dict[str, tuple[Any, ...]] = {
    "PRECISION": ("auto", "float32", "bf16", "fp16"),
    "SPEED.MEMORY_FORMAT": ("auto", "contiguous", "channels_last"),
    "DATASETS.CACHE": ("none", "ram", "disk"),
    "DATA.CHANNELS": (1, 3),
}
_AT_LEAST = {
    "SEED": 0,
    "DATA.EPOCH_SIZE": 1,
    "DATA.BATCH_SIZE": 1,
    "DATA.MAX_UNREADABLE": 0,
    "DATA.WORKERS": 0,
    "SOLVER.EPOCHS": 1,
    "SOLVER.ITERATIONS": 1,
    "SOLVER.ACCUMULATE": 1,
    "SOLVER.MAX_SKIPPED": 1,
    "VALIDATION.PERIOD": 1,
    "VALIDATION.PATIENCE": 1,
    "VALIDATION.SAMPLES": 0,
    "CHECKPOINT.PERIOD": 1,
    "CHECKPOINT.KEEP": 1,
    "LOG.PERIOD": 1,
}
_BETWEEN = {
    "DATASETS.CACHE_GB": (0.0, 1e6),
    "SOLVER.CLIP_NORM": (0.0, math.inf),
    "SOLVER.AVERAGE": (0.0, 1.0),
}


def check(merge: Merge) -> None:
    """Check choices, bounds, and keys that speak of each other.

    Raises:
        ConfigError: naming where the value came from and its key.
    """

    def fail(key: str, problem: str) -> None:
        raise ConfigError(f"{merge.source_of(key)}: {key}: {problem}")

    cfg = merge.cfg
    for key, choices in _CHOICES.items():
        value = _at(cfg, key)
        if value not in choices:
            fail(key, f"{value!r} is no choice; {did_you_mean(str(value), map(str, choices))}")
    if not cfg.OUTPUT_DIR.strip():
        fail("OUTPUT_DIR", "is empty; name a folder for what the run leaves")
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", cfg.DEVICE):
        proposal = did_you_mean(cfg.DEVICE, ("auto", "cpu", "cuda", "cuda:1"))
        fail("DEVICE", f"{cfg.DEVICE!r} is no choice; {proposal}")
    for key, least in _AT_LEAST.items():
        value = _at(cfg, key)
        if value is not None and (type(value) is not int or value < least):
            fail(key, f"needs a whole number of at least {least}, not {value!r}")
    for key, (low, high) in _BETWEEN.items():
        value = _at(cfg, key)
        if value is not None and not (_is_number(value) and low < value < high):
            wanted = "above 0" if high == math.inf else f"above {low:g} and below {high:g}"
            fail(key, f"needs a number {wanted}, not {value!r}")
    for key in ("LOSSES", "METRICS", "BASELINES", "DATA.TRANSFORMS", "DATA.DEGRADATIONS"):
        node = _at(cfg, key)
        for name, entry in node.items() if isinstance(node, dict) else enumerate(node):
            if not entry.NAME:
                fail(f"{key}.{name}.NAME", "is missing; name the part to build")
    for name, own in cfg.SOLVER.NETWORKS.items():
        key = f"SOLVER.NETWORKS.{name}"
        if own.LR is not None and not (_is_number(own.LR) and own.LR >= 0):
            fail(f"{key}.LR", f"needs a number of at least 0, not {own.LR!r}")
        for kind in ("OPTIMIZER", "SCHEDULER"):
            if own[kind].ARGS and not own[kind].NAME:  # they would go unused
                fail(f"{key}.{kind}.NAME", "is missing; name the part that takes these ARGS")
    track = cfg.VALIDATION.TRACK
    if cfg.METRICS and track not in (*cfg.METRICS, "loss"):
        fail("VALIDATION.TRACK", f"{track!r} is not in METRICS; {did_you_mean(track, cfg.METRICS)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at(cfg: Any, key: str) -> Any:
    return reduce(lambda node, word: node[word], key.split("."), cfg)
