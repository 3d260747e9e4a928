"""From a config and weights to measured figures and the text that states them."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from config import Config
from data.build import build_loader
from data.doctor import refuse_findings
from engine.checkpoint import load_into, load_weights
from engine.evaluator import Evaluation, Evaluator
from engine.precision import resolve_device, resolve_precision
from engine.report import format_table, protocol_lines
from modeling.build import build_model
from utils.errors import CheckpointError, ConfigError


def measure(cfg: Config, weights: Path | None = None) -> tuple[Evaluation, str]:
    """Evaluate weights on the test set, or on the validation set where no test set is named.

    Args:
        cfg: names the model, the data set and the metrics.
        weights: a weights file; by default the run's own best, or what the architecture is built
            with where it comes with weights.

    Returns:
        The evaluation, and the table with its protocol as text.

    Raises:
        ConfigError: no metrics, or a part, device or precision that is wrong.
        CheckpointError: weights that are missing or do not fit the model.
        DataError: a data set that is missing or has no targets.
    """
    if not cfg.METRICS:
        raise ConfigError("METRICS: is empty; name one, such as psnr: {NAME: PSNR}")
    device = resolve_device(cfg.DEVICE)
    model = build_model(cfg)
    if weights is None and not model.descriptor.pretrained:
        weights = Path(cfg.OUTPUT_DIR) / "checkpoints" / "best.safetensors"
    if weights is not None:
        _load(model, weights)
    refuse_findings(cfg, model.descriptor.scale, ("test" if cfg.DATASETS.TEST.NAME else "val",))
    loader = build_loader(cfg, "test", device)
    evaluation = Evaluator(cfg, device).evaluate(model.to(device), loader)
    table = format_table(evaluation, cfg.MODEL.NAME)
    precision = resolve_precision(cfg.PRECISION, device, model.descriptor.precisions)
    lines = protocol_lines(evaluation, _dataset(cfg), cfg.DATA.CHANNELS)
    origin = f"weights {weights}" if weights else f"weights of {_described(cfg.MODEL)}"
    run = f"{origin}, computed in {precision} on {device.type}"
    return evaluation, "\n".join([table, "", *lines, run])


def _load(model: nn.Module, weights: Path) -> None:
    if not weights.is_file():
        raise CheckpointError(
            f"{weights}: there are no such weights; train with tools/train_net.py or name a file "
            "with --weights"
        )
    state, _, _ = load_weights(weights)
    load_into(model, state, str(weights))


def _dataset(cfg: Config) -> str:
    """The measured data set in words: its split, name and arguments."""
    split = "TEST" if cfg.DATASETS.TEST.NAME else "VAL"
    return f"{split} {_described(cfg.DATASETS[split])}"


def _described(spec: Config) -> str:
    """A part in words: its name and arguments."""
    arguments = ", ".join(f"{key} {value}" for key, value in spec.ARGS.items())
    return spec.NAME + (f" ({arguments})" if arguments else "")
