"""How long measuring takes: a whole validation, and each metric by itself."""

from __future__ import annotations

from collections.abc import Callable

from data.build import build_loader
from engine.benchmarks.subject import Subject
from engine.benchmarks.timing import Work, wait_for
from engine.classification import build_evaluator
from engine.metrics import build_metrics
from engine.metrics.base import Metric
from modeling.build import build_network, classifies
from utils.errors import ConfigError
from utils.images import to_tensor


def evaluation_works(subject: Subject) -> list[Work]:
    """All pictures of the validation set, from file to figures, by random weights.

    Raises:
        PellucidError: the data set is missing, or an option is wrong.
    """
    cfg, device = subject.cfg, subject.device
    model = build_network(cfg).to(device)
    loader = build_loader(cfg, "val", device)
    evaluator = build_evaluator(cfg, device)

    def run() -> None:
        evaluator.evaluate(model, loader, baseline=False)
        wait_for(device)

    setting = (
        "batch 1",
        f"workers {cfg.DATA.WORKERS}",
        f"cache {cfg.DATASETS.CACHE}",
        subject.precision,
    )
    return [Work("evaluation", subject.name, setting, run, len(loader), "picture")]


def metric_works(subject: Subject) -> list[Work]:
    """Each metric of the config, of a pair of made-up pictures that are on the device.

    Raises:
        ConfigError: a classifier's config, whose metrics count verdicts, or one without metrics.
    """
    cfg, device = subject.cfg, subject.device
    if classifies(cfg) or not cfg.METRICS:
        raise ConfigError(f"METRICS: {subject.name} has none that compare pictures")
    output, target = (
        to_tensor(subject.picture(number, cfg.DATA.CHANNELS))[None].to(device) for number in (0, 1)
    )

    def work(metric: Metric) -> Callable[[], None]:
        def run() -> None:
            metric.reset()
            metric.update(output, target)
            metric.compute()

        return run

    setting = (subject.size, f"channels {cfg.DATA.CHANNELS}")
    return [
        Work("metrics", f"{subject.name} {name}", setting, work(metric), 1, "picture", device)
        for name, metric in build_metrics(cfg, device).items()
    ]
