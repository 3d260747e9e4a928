"""Measuring a model on whole pictures, beside what doing nothing would score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from config import Config
from data.build import to_device
from engine.color import enlarge
from engine.memory import out_of_memory_named
from engine.metrics import build_metrics
from engine.precision import PRECISIONS, autocast, resolve_precision
from utils.errors import DataError
from utils.images import to_uint8

Losses = Mapping[str, tuple[nn.Module, float]]
Sample = tuple[str, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        metrics: each metric's value over all pictures, of the model's output.
        input_metrics: the same of the input as it is; empty if the baseline was not asked for.
        input_name: what the input's row is: "input", or "bicubic" where it had to be enlarged.
        losses: mean over pictures of each loss, and `loss`, their weighted sum; empty without
            losses.
        images: one dict per picture, in order: `name`, each metric of the output and, with the
            baseline, each of the input as `input_<metric>`.
        samples: the first pictures as (name, input, output, target), uint8 HWC of one size.
        protocol: how each metric was taken (crop_border, y_channel, ...).
        higher_is_better: per metric.
    """

    metrics: dict[str, float]
    input_metrics: dict[str, float]
    input_name: str
    losses: dict[str, float]
    images: list[dict[str, Any]]
    samples: list[Sample]
    protocol: dict[str, dict[str, Any]] = field(default_factory=dict)
    higher_is_better: dict[str, bool] = field(default_factory=dict)


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put `model` into eval() for the block; each module goes back to the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


class _Losses:
    """Means of named, weighted losses over pictures, left on the device until asked for."""

    def __init__(self, losses: Losses | None) -> None:
        self._losses = dict(losses or {})
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def update(self, output: Tensor, target: Tensor) -> None:
        for name, (loss, _) in self._losses.items():
            value = loss(output, target).detach().double() * len(output)
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += len(output)

    def compute(self) -> dict[str, float]:
        if not self._losses:
            return {}
        means = {name: float(value) / self._count for name, value in self._sums.items()}
        total = sum(weight * means[name] for name, (_, weight) in self._losses.items())
        return {"loss": total, **means}


class Evaluator:
    """Scores a model picture by picture, as a user would see its output.

    Args:
        cfg: METRICS, PRECISION and VALIDATION.SAMPLES are read.
        device: where the model is.
        losses: losses to report beside the metrics, as `build_losses` gives them, on `device`.
    """

    def __init__(self, cfg: Config, device: torch.device, losses: Losses | None = None) -> None:
        self._cfg = cfg
        self._device = device
        self._losses = losses
        self._metrics = build_metrics(cfg, device)
        self._input_metrics: dict[str, Any] | None = None

    def evaluate(
        self, model: nn.Module, loader: Iterable[dict[str, Any]], baseline: bool = True
    ) -> Evaluation:
        """Evaluate `model` on every picture of `loader`; its train or eval mode is left as it was.

        Args:
            model: restores float32 NCHW in [0, 1].
            loader: batches with `input`, `target` and `name`; pictures may differ in size from
                batch to batch.
            baseline: measure the input as well. It is the same every time: a trainer needs it
                once.

        Raises:
            DataError: no pictures, a picture without target, or an output of another size.
            ImageError: a picture does not fit into memory.
        """
        metrics = {"": self._metrics}
        if baseline:
            metrics["input_"] = self._baseline_metrics()
        for group in metrics.values():
            for metric in group.values():
                metric.reset()
        descriptor = getattr(model, "descriptor", None)
        precision = resolve_precision(
            self._cfg.PRECISION, self._device, getattr(descriptor, "precisions", PRECISIONS)
        )
        run = _Run(metrics, _Losses(self._losses), self._cfg.VALIDATION.SAMPLES)
        with evaluation_mode(model), torch.inference_mode():
            for batch in tqdm(loader, desc="evaluating", leave=False, disable=None):
                self._evaluate_batch(model, batch, precision, run)
        return self._summary(run)

    def _baseline_metrics(self) -> dict[str, Any]:
        if self._input_metrics is None:
            self._input_metrics = build_metrics(self._cfg, self._device)
        return self._input_metrics

    def _evaluate_batch(
        self, model: nn.Module, batch: dict[str, Any], precision: str, run: _Run
    ) -> None:
        names = batch["name"]
        if "target" not in batch:
            raise DataError(
                f"{names[0]}: has no target to measure against; "
                "name a data set with targets, or use tools/restore.py"
            )
        with out_of_memory_named(names[0], batch["input"].shape[-2:], self._device):
            batch = to_device(batch, self._device)
            picture, target = batch["input"], batch["target"]
            with autocast(self._device, precision):
                output = model(picture)
            if output.shape != target.shape:
                raise DataError(
                    f"{names[0]}: the model gives {_size(output)} from {_size(picture)} but the "
                    f"target is {_size(target)}; model and data set differ in scale or channels"
                )
            run.add(names, picture, output.float(), target)

    def _summary(self, run: _Run) -> Evaluation:
        if not run.names:
            raise DataError("there are no pictures to evaluate; the data set is empty")
        scores = {
            prefix: {name: metric.compute() for name, metric in group.items()}
            for prefix, group in run.metrics.items()
        }
        return Evaluation(
            metrics=scores[""],
            input_metrics=scores.get("input_", {}),
            input_name="bicubic" if run.enlarged else "input",
            losses=run.losses.compute(),
            images=run.per_picture(),
            samples=run.samples,
            protocol={name: metric.protocol() for name, metric in self._metrics.items()},
            higher_is_better={n: metric.higher_is_better for n, metric in self._metrics.items()},
        )


class _Run:
    """What one evaluation gathers as it goes."""

    def __init__(self, metrics: dict[str, dict[str, Any]], losses: _Losses, samples: int) -> None:
        self.metrics = metrics
        self.losses = losses
        self.names: list[str] = []
        self.samples: list[Sample] = []
        self.enlarged = False
        self._wanted = samples
        self._values: dict[str, list[Tensor]] = {}

    def add(self, names: list[str], picture: Tensor, output: Tensor, target: Tensor) -> None:
        """Measure one batch; values stay on the device, so that it is not made to wait."""
        self.losses.update(output, target)
        if picture.shape[-2:] != target.shape[-2:]:
            picture = enlarge(picture, *target.shape[-2:])
            self.enlarged = True
        for prefix, group in self.metrics.items():
            measured = picture if prefix else output
            for name, metric in group.items():
                value = metric.update(measured, target)
                self._values.setdefault(prefix + name, []).append(value)
        self.names.extend(names)
        missing = self._wanted - len(self.samples)
        if missing > 0:
            pictures = (to_uint8(tensor[:missing]) for tensor in (picture, output, target))
            self.samples.extend(zip(names, *pictures, strict=False))

    def per_picture(self) -> list[dict[str, Any]]:
        """One dict per picture: its name and every value."""
        columns = {name: torch.cat(values).tolist() for name, values in self._values.items()}
        return [
            {"name": name, **{column: values[i] for column, values in columns.items()}}
            for i, name in enumerate(self.names)
        ]


def _size(image: Tensor) -> str:
    channels, height, width = image.shape[-3:]
    return f"{width}x{height} with {channels} channel{'s' if channels > 1 else ''}"
