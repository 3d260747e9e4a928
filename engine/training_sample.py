"""How well a model does on pictures that it learns from."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from config import Config
from data.loader import Loader, few_samples
from engine.evaluator import Evaluator
from engine.metrics.base import Metric
from engine.metrics.build import build_metrics, metric_class, without_metrics
from modeling.build import classifies
from utils.errors import ImageError
from utils.images import to_tensor
from utils.logging import get_logger

SIZE = 32

_log = get_logger(__name__)


class TrainingSample:
    """The metrics of some training samples, always the same ones, beside those of a validation.

    They are augmented and degraded as training sees them, crops where it sees crops: the figures
    are on other pictures than the validation's, and of another size. What can be compared is how
    the two curves go on. Everything else is as in a validation: eval(), whole precision, averaged
    weights. Being drawn from the seed alone they have no state to save.

    Args:
        cfg: METRICS and PRECISION are read; metrics that are slow are left out.
        loader: the training's.
        device: where the model is.
    """

    def __init__(self, cfg: Config, loader: Loader, device: torch.device) -> None:
        self._loader = few_samples(loader, SIZE)
        self._device = device
        self._cfg = without_metrics(cfg, [name for name in cfg.METRICS if not _is_fast(cfg, name)])
        self._evaluator: Evaluator | None = None

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Each metric's value; of several processes all call this together.

        Raises:
            DataError: a sample cannot be made.
        """
        if not self._cfg.METRICS:
            return {}
        if self._evaluator is None:  # not before: a sample must be read to know its size
            self._evaluator = Evaluator(without_metrics(self._cfg, self._unfit()), self._device)
        return self._evaluator.evaluate(model, self._loader, baseline=False).metrics

    def _unfit(self) -> list[str]:
        """The metrics that cannot be taken on pictures as small as training sees them."""
        sample = self._loader.samples.make(next(iter(self._loader.sampler.sampler)))
        blank = to_tensor(np.zeros_like(sample["target"]))[None]
        unfit = []
        for name, metric in build_metrics(self._cfg).items():
            try:
                metric.update(blank, blank)
            except ImageError as error:
                _log.info("%s is not measured on training samples: %s", name, error)
                unfit.append(name)
        return unfit


def _is_fast(cfg: Config, name: str) -> bool:
    """Whether it is a metric of pictures that costs little beside a forward pass."""
    metric = metric_class(cfg.METRICS[name], f"METRICS.{name}", classifies(cfg))
    return issubclass(metric, Metric) and not metric.slow
