"""Measuring a classifier on labelled pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from config import Config
from data.transfer import to_device
from engine.contracts import check_scores
from engine.evaluator import Evaluation, Evaluator, Losses, evaluation_mode
from engine.metrics.build import build_classification_metrics
from engine.metrics.classification import Counts
from engine.precision import autocast, resolve_precision
from modeling.build import classifies
from utils.distributed import gather_dealt, is_main, sum_over_ranks
from utils.errors import DataError


@dataclass(frozen=True)
class Verdicts(Evaluation):
    """What an evaluation of a classifier found.

    Its `images` have, for each picture, `name`, `label` and the `probability` of label 1; its
    `input_metrics` are those of calling every picture negative. There are no samples.

    Attributes:
        classes: what the labels 0 and 1 mean.
    """

    classes: tuple[str, ...] = ()


def build_evaluator(
    cfg: Config, device: torch.device, losses: Losses | None = None
) -> Evaluator | ClassificationEvaluator:
    """What measures the network that MODEL names."""
    kind = ClassificationEvaluator if classifies(cfg) else Evaluator
    return kind(cfg, device, losses)


class ClassificationEvaluator:
    """Counts a classifier's right and wrong verdicts, as `Evaluator` scores pictures.

    Args:
        cfg: METRICS and PRECISION are read.
        device: where the model is.
        losses: losses to report beside the metrics, as `build_losses` gives them, on `device`.
    """

    def __init__(self, cfg: Config, device: torch.device, losses: Losses | None = None) -> None:
        self._cfg = cfg
        self._device = device
        self._losses = dict(losses or {})
        self._metrics = build_classification_metrics(cfg)

    def evaluate(
        self, model: nn.Module, loader: Iterable[dict[str, Any]], baseline: bool = True
    ) -> Verdicts:
        """Classify every picture of `loader`; the model's train or eval mode is left as it was.

        Args:
            model: gives the scores of two classes, (N, 2), of float32 NCHW in [0, 1].
            loader: batches with `input`, `label` and `name`; several processes have dealt out the
                pictures in turn, and all call this together.
            baseline: measure beside it what is right when every picture is called negative.

        Raises:
            DataError: no pictures, or pictures without labels.
        """
        descriptor = model.descriptor
        precision = resolve_precision(self._cfg.PRECISION, self._device, descriptor.precisions)
        run = _Run(self._losses, self._device)
        hidden = None if is_main() else True  # None hides the bar where there is no terminal
        with evaluation_mode(model), torch.inference_mode():
            for batch in tqdm(loader, desc="evaluating", leave=False, disable=hidden):
                if "label" not in batch:
                    raise DataError(f"{batch['name'][0]}: has no label; name one in DATA.LABELLER")
                batch = to_device(batch, self._device)
                with autocast(self._device, precision):
                    scores = model(batch["input"])
                check_scores(type(model).__name__, scores, batch["label"], descriptor.classes)
                run.add(batch["name"], scores.float(), batch["label"])
        return self._summary(run, descriptor.classes, baseline)

    def _summary(self, run: _Run, classes: tuple[str, ...], baseline: bool) -> Verdicts:
        tp, fp, tn, fn, *losses = run.sums().tolist()
        count = tp + fp + tn + fn
        if not count:
            raise DataError("there are no pictures to evaluate; the data set is empty")
        means = {name: total / count for name, total in zip(self._losses, losses, strict=True)}
        total = sum(weight * means[name] for name, (_, weight) in self._losses.items())
        return Verdicts(
            metrics=self._figures(Counts(tp, fp, tn, fn)),
            input_metrics=self._figures(Counts(tn=fp + tn, fn=tp + fn)) if baseline else {},
            input_name=f"always {classes[0]}",
            losses={"loss": total, **means} if means else {},
            images=gather_dealt(run.images()),
            samples=[],
            protocol={name: metric.protocol() for name, metric in self._metrics.items()},
            higher_is_better={n: metric.higher_is_better for n, metric in self._metrics.items()},
            classes=classes,
        )

    def _figures(self, counts: Counts) -> dict[str, float]:
        return {name: metric.compute(counts) for name, metric in self._metrics.items()}


def count_verdicts(probability: Tensor, label: Tensor) -> Tensor:
    """True and false positives, true and false negatives: four numbers, float64.

    Args:
        probability: of label 1, (N).
        label: 0 or 1, (N).
    """
    found, positive = probability > 0.5, label == 1
    kinds = (found & positive, found & ~positive, ~found & ~positive, ~found & positive)
    return torch.stack([kind.sum() for kind in kinds]).double()


class _Run:
    """What one evaluation gathers as it goes; values stay on the device."""

    def __init__(self, losses: Losses, device: torch.device) -> None:
        self._losses = losses
        self._sums = torch.zeros(4 + len(losses), dtype=torch.float64, device=device)
        self._names: list[str] = []
        self._labels: list[Tensor] = []
        self._probabilities: list[Tensor] = []

    def add(self, names: list[str], scores: Tensor, label: Tensor) -> None:
        """Count one batch."""
        probability = scores.softmax(dim=1)[:, 1]
        losses = [loss(scores, label).double() * len(names) for loss, _ in self._losses.values()]
        self._sums += torch.cat([count_verdicts(probability, label), *(v[None] for v in losses)])
        self._names += names
        self._labels.append(label)
        self._probabilities.append(probability)

    def sums(self) -> Tensor:
        """Four counts and the sum of each loss, over all processes."""
        return sum_over_ranks(self._sums)

    def images(self) -> list[dict[str, Any]]:
        """One dict per picture."""
        if not self._names:
            return []
        labels, values = (torch.cat(one).tolist() for one in (self._labels, self._probabilities))
        rows = zip(self._names, labels, values, strict=True)
        return [{"name": n, "label": label, "probability": value} for n, label, value in rows]
