"""From a config and weights to a classifier's measured figures and the text that states them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from config import Config
from data.build import build_loader
from data.doctor import refuse_findings
from engine.classification import ClassificationEvaluator, Verdicts
from engine.classification_checks import check_labeller
from engine.classification_report import format_confusion, format_table
from engine.contenders import described, refuse_equal_names
from engine.model_files import load_classifier
from engine.precision import resolve_device, resolve_precision
from engine.report import metric_lines
from utils.distributed import is_main
from utils.errors import ConfigError


def measure(cfg: Config, weights: Sequence[Path] = ()) -> tuple[dict[str, Verdicts], str]:
    """Measure classifiers on the test set, or on the validation set where no test set is named.

    Args:
        cfg: names the classifier, the data set, the labeller and the metrics.
        weights: weights files, by default the run's own best; each brings its own classifier and
            what it sees of a picture, and all are asked about the same pictures.

    Returns:
        What was found of each, by the file's name, and the table with its protocol as text. Of
        several processes the main one alone knows all pictures; the others' text is empty.

    Raises:
        ConfigError: no metrics, baselines, or a part, device or precision that is wrong.
        CheckpointError: weights that are missing, or not of a classifier.
        DataError: a data set that is missing.
    """
    if not cfg.METRICS:
        raise ConfigError("METRICS: is empty; name one, such as f1: {NAME: F1}")
    if cfg.BASELINES:
        raise ConfigError("BASELINES: are architectures; compare classifiers by several --weights")
    device = resolve_device(cfg.DEVICE)
    refuse_findings(cfg, 1, ("test" if cfg.DATASETS.TEST.NAME else "val",))
    rows: dict[str, Verdicts] = {}
    origins = []
    paths = weights or [Path(cfg.OUTPUT_DIR) / "checkpoints" / "best.safetensors"]
    refuse_equal_names(path.stem for path in paths)
    for path in paths:
        stored = load_classifier(path)
        model, own = stored.model, stored.cfg
        asked = cfg.clone()
        asked.defrost()
        asked.DATA.REPRESENTATION = own.DATA.REPRESENTATION
        asked.freeze()
        check_labeller(asked, model)
        loader = build_loader(asked, "test", device)
        evaluator = ClassificationEvaluator(asked, device)
        name = path.stem
        rows[name] = evaluator.evaluate(model.to(device), loader, baseline=not rows)
        precision = resolve_precision(cfg.PRECISION, device, model.descriptor.precisions)
        seen = own.DATA.REPRESENTATION.NAME
        origins.append(f"{name}: {path}, sees {seen}, computed in {precision} on {device.type}")
    if not is_main():
        return rows, ""
    return rows, "\n".join([format_table(rows), "", *_details(cfg, rows), *origins])


def _details(cfg: Config, rows: dict[str, Verdicts]) -> list[str]:
    """Each one's confusion, and how the figures were taken."""
    lines: list[str] = []
    for name, row in rows.items():
        lines += [f"{name}:", format_confusion(row), ""]
    first = next(iter(rows.values()))
    split = "TEST" if cfg.DATASETS.TEST.NAME else "VAL"
    lines.append(
        f"{len(first.images)} pictures of {split} {described(cfg.DATASETS[split])}, labelled by "
        f"{described(cfg.DATA.LABELLER)}, seed {cfg.SEED}"
    )
    return [*lines, *metric_lines(first)]
