"""From a config and weights to measured figures and the text that states them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from config import Config
from data.build import build_loader
from data.doctor import refuse_findings
from data.loader import Loader
from engine.benchmarks.pace import MOST_PICTURES, Pace, time_pictures
from engine.benchmarks.timing import WARM_UP
from engine.contenders import Contender, common_scale, described, find_contenders
from engine.evaluator import Evaluator, evaluate_each
from engine.metrics.build import build_metric, without_metrics
from engine.precision import resolve_device
from engine.report import Row, format_table, protocol_lines
from utils.distributed import is_main
from utils.errors import ConfigError
from utils.hardware import describe_device
from utils.parameters import count_parameters
from utils.torchvision_weights import AbsentWeightsError


def measure(cfg: Config, weights: Sequence[Path] = ()) -> tuple[dict[str, Row], str]:
    """Measure models on the test set, or on the validation set where no test set is named.

    Args:
        cfg: names the model, the baselines, the data set and the metrics.
        weights: files of weights; see `find_contenders`. Where the table has several models, a
            metric whose own weights are not at hand is left out, with a line that says so.

    Returns:
        What was found of each model, by the name of its row, and the table with its protocol as
        text; of several processes the main one alone has all of them.

    Raises:
        ConfigError: no metrics, or a part, device or precision that is wrong.
        CheckpointError: weights that are missing or do not fit the model.
        AbsentWeightsError: a metric's own weights are not at hand.
        DataError: a data set that is missing or has no targets.
    """
    if not cfg.METRICS:
        raise ConfigError("METRICS: is empty; name one, such as psnr: {NAME: PSNR}")
    device = resolve_device(cfg.DEVICE)
    found = find_contenders(cfg, weights)
    cfg, absent = _without_absent(cfg) if len(found) > 1 else (cfg, [])
    models = {name: contender.model for name, contender in found.items()}
    refuse_findings(cfg, common_scale(models), ("test" if cfg.DATASETS.TEST.NAME else "val",))
    loader = build_loader(cfg, "test", device)
    evaluations = evaluate_each(Evaluator(cfg, device), models, loader)
    pictures = _inputs(loader)
    pace = _time(found, pictures)
    rows = {
        name: Row(evaluation, count_parameters(models[name]), pace.seconds[name])
        for name, evaluation in evaluations.items()
    }
    lines = protocol_lines(next(iter(evaluations.values())), _dataset(cfg), cfg.DATA.CHANNELS)
    lines += absent
    lines.append(_timing(pace, pictures, device))
    for name, contender in found.items():
        lines.append(f"{name}: {contender.origin}, computed in {contender.restorer.precision}")
    return rows, "\n".join([format_table(rows), "", *lines])


def _without_absent(cfg: Config) -> tuple[Config, list[str]]:
    """The config less the metrics whose own weights are not at hand, and a line on each of these.

    A table that compares models is worth having without them; of a single model each figure was
    asked for.

    Raises:
        AbsentWeightsError: no metric is left.
    """
    absent = {}
    for name in cfg.METRICS:
        try:
            build_metric(cfg, name)
        except AbsentWeightsError as error:
            absent[name] = f"{name}: left out; " + " ".join(str(error).splitlines())
            if len(absent) == len(cfg.METRICS):
                raise
    return without_metrics(cfg, absent), list(absent.values())


def _inputs(loader: Loader) -> list[np.ndarray]:
    """The first inputs, HWC, as evaluated."""
    count = min(len(loader.samples), MOST_PICTURES)
    return [loader.samples.make((0, index))["input"] for index in range(count)]


def _time(found: Mapping[str, Contender], pictures: Sequence[np.ndarray]) -> Pace:
    if not is_main():  # it would slow down the process whose times are told
        return Pace(dict.fromkeys(found, math.nan), 0)
    return time_pictures({name: one.restorer for name, one in found.items()}, pictures)


def _timing(pace: Pace, pictures: Sequence[np.ndarray], device: torch.device) -> str:
    """How the times were taken."""
    by_area = sorted(pictures, key=np.size)
    sizes = (f"{image.shape[1]}x{image.shape[0]}" for image in (by_area[0], by_area[-1]))
    return (
        f"s/picture: median of {pace.runs} runs on pictures of {' to '.join(dict.fromkeys(sizes))} "
        f"px, batch 1, in memory to in memory, after {WARM_UP} that do not count; "
        f"{describe_device(device)}, torch {torch.__version__}"
    )


def _dataset(cfg: Config) -> str:
    """The measured data set in words: its split, name and arguments."""
    split = "TEST" if cfg.DATASETS.TEST.NAME else "VAL"
    return f"{split} {described(cfg.DATASETS[split])}"
