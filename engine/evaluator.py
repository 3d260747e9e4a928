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
from data.transfer import to_device
from engine.color import enlarge
from engine.contracts import check_output
from engine.memory import out_of_memory_named
from engine.metrics import build_metrics
from engine.precision import PRECISIONS, autocast, resolve_precision
from utils.distributed import gather_dealt, is_main, rank, sum_over_ranks, world_size
from utils.errors import DataError
from utils.images import to_uint8

Losses = Mapping[str, tuple[nn.Module, float]]
Sample = tuple[str, np.ndarray, np.ndarray, np.ndarray]

INPUT, ENLARGED = "input", "bicubic"  # what the input's row is called


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        metrics: each metric's value over all pictures, of the model's output.
        input_metrics: the same of the input as it is; empty if the baseline was not asked for.
        input_name: what the input's row is: `INPUT`, or `ENLARGED` where it had to be.
        losses: mean over pictures of each loss, and `loss`, their weighted sum; empty without
            losses.
        images: one dict per picture, in order: `name`, each metric of the output and, with the
            baseline, each of the input as `input_<metric>`. Of several processes the main one has
            them all, the others none.
        samples: the first pictures as (name, input, output, target), uint8 HWC of one size;
            likewise.
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
    """Sums of named, weighted losses over pictures, left on the device until asked for."""

    def __init__(self, losses: Losses | None, device: torch.device) -> None:
        self._losses = dict(losses or {})
        self._sums = torch.zeros(len(self._losses), dtype=torch.float64, device=device)

    def update(self, output: Tensor, target: Tensor) -> None:
        values = [loss(output, target).detach().double() for loss, _ in self._losses.values()]
        if values:
            self._sums = self._sums + torch.stack(values) * len(output)

    def sums(self) -> Tensor:
        """The sum of each loss over this process's pictures, to be added over ranks."""
        return self._sums

    def named(self, values: Tensor) -> dict[str, float]:
        """The means over all pictures by name, and their weighted sum."""
        if not self._losses:
            return {}
        means = dict(zip(self._losses, values.tolist(), strict=True))
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
                batch to batch. Several processes have dealt out the pictures in turn, as
                `data.build.build_loader` does, and all call this together.
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
        wanted = len(range(rank(), self._cfg.VALIDATION.SAMPLES, world_size()))
        run = _Run(metrics, _Losses(self._losses, self._device), wanted)
        hidden = None if is_main() else True  # None hides the bar where there is no terminal
        with evaluation_mode(model), torch.inference_mode():
            for batch in tqdm(loader, desc="evaluating", leave=False, disable=hidden):
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
            try:
                check_output(type(model).__name__, output, picture, target)
            except DataError as error:
                raise DataError(f"{names[0]}: {error}") from error
            run.add(names, picture, output.float(), target)

    def _summary(self, run: _Run) -> Evaluation:
        measured = [metric for group in run.metrics.values() for metric in group.values()]
        parts = [run.counts(self._device), run.losses.sums(), *(one.sums() for one in measured)]
        (pictures, enlarged), losses, *sums = _sum_each(parts)
        if not pictures:
            raise DataError("there are no pictures to evaluate; the data set is empty")
        left = iter(sums)
        scores = {
            prefix: {name: metric.compute(next(left)) for name, metric in group.items()}
            for prefix, group in run.metrics.items()
        }
        return Evaluation(
            metrics=scores[""],
            input_metrics=scores.get("input_", {}),
            input_name=ENLARGED if enlarged else INPUT,
            losses=run.losses.named(losses / pictures),
            images=gather_dealt(run.per_picture()),
            samples=gather_dealt(run.samples),
            protocol={name: metric.protocol() for name, metric in self._metrics.items()},
            higher_is_better={n: metric.higher_is_better for n, metric in self._metrics.items()},
        )


def evaluate_each(
    evaluator: Evaluator, models: Mapping[str, nn.Module], loader: Iterable[dict[str, Any]]
) -> dict[str, Evaluation]:
    """Evaluate several models on the same pictures; the first one's evaluation has the baseline."""
    evaluations: dict[str, Evaluation] = {}
    for name, model in models.items():
        evaluations[name] = evaluator.evaluate(model, loader, baseline=not evaluations)
    return evaluations


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

    def counts(self, device: torch.device) -> Tensor:
        """How many pictures there were, and whether any had to be enlarged."""
        return torch.tensor([len(self.names), self.enlarged], dtype=torch.float64, device=device)

    def per_picture(self) -> list[dict[str, Any]]:
        """One dict per picture: its name and every value."""
        columns = {name: torch.cat(values).tolist() for name, values in self._values.items()}
        return [
            {"name": name, **{column: values[i] for column, values in columns.items()}}
            for i, name in enumerate(self.names)
        ]


def _sum_each(parts: list[Tensor]) -> list[Tensor]:
    """Each tensor's sum over all processes, in one reduction."""
    return list(sum_over_ranks(torch.cat(parts)).split([len(part) for part in parts]))
