"""From a config to everything a run of training is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from config import Config
from data.build import build_loader
from data.division import Division
from data.doctor import refuse_findings
from data.inventory import inventory_of
from data.loader import Loader
from engine import checks
from engine.averaging import AveragedWeights
from engine.best import BestTracker
from engine.checkpoint import load_into, load_weights
from engine.classification import ClassificationEvaluator, build_evaluator
from engine.classification_checks import check_labeller
from engine.evaluator import Evaluator
from engine.generators import seed_everything
from engine.learning import build_step
from engine.precision import resolve_device, resolve_precision
from engine.step import TrainingStep
from engine.training_sample import TrainingSample
from engine.update import Update
from modeling.build import build_losses, build_network
from utils.distributed import is_main, rank


@dataclass(frozen=True)
class Parts:
    """What a run is made of.

    Attributes:
        device: where the model is.
        precision: what forward passes compute in.
        model: the network being trained.
        step: turns a batch into losses and changed weights.
        evaluator: measures the model on whole pictures.
        sample: measures it on some that it learns from.
        train_loader: batches to learn from.
        val_loader: pictures to validate on.
        updates: how each of the learner's networks learns; the model's is the first.
        average: averaged weights, where SOLVER.AVERAGE asks for them.
        tracker: knows the best validation and when to stop.
        iterations: optimizer steps in the whole run.
        epochs: epochs in the whole run, the last of which may be cut short.
    """

    device: torch.device
    precision: str
    model: nn.Module
    step: TrainingStep
    evaluator: Evaluator | ClassificationEvaluator
    sample: TrainingSample
    train_loader: Loader
    val_loader: Loader
    updates: dict[str, Update]
    average: AveragedWeights | None
    tracker: BestTracker
    iterations: int
    epochs: int

    @property
    def judged(self) -> nn.Module:
        """The model that is validated and kept: the averaged one, where there is one."""
        return self.model if self.average is None else self.average.model

    @property
    def divisions(self) -> list[Division]:
        """How data sets were divided between training and validation, each told once."""
        found: list[Division] = []
        for loader in (self.train_loader, self.val_loader):
            of_one = inventory_of(loader.samples.source).divisions
            found += [division for division in of_one if division not in found]
        return found


def assemble(cfg: Config, from_weights: bool = True) -> Parts:
    """Build the parts of a run; seeds every generator first. Writes nothing.

    Args:
        cfg: the whole config.
        from_weights: whether the model starts from MODEL.WEIGHTS, where it names a file; a
            resumed run has its own.

    Raises:
        PellucidError: an option is wrong, or data or weights are missing or do not fit.
    """
    checks.refuse_overlap(cfg)
    directions = checks.metric_directions(cfg)
    device = resolve_device(cfg.DEVICE)
    seed_everything(cfg.SEED)
    model = _initial_model(cfg, from_weights)
    refuse_findings(cfg, model.descriptor.scale, ("train", "val"))
    precision = resolve_precision(cfg.PRECISION, device, model.descriptor.precisions)
    model = model.to(device)
    losses = {name: (loss.to(device), weight) for name, (loss, weight) in build_losses(cfg).items()}
    train_loader = build_loader(cfg, "train", device)
    iterations = cfg.SOLVER.ITERATIONS or cfg.SOLVER.EPOCHS * len(train_loader)
    epochs = math.ceil(iterations / len(train_loader))
    step = build_step(cfg, model, losses, device, precision, epochs, len(train_loader))
    if not is_main():  # the networks are drawn alike everywhere, what they draw in training is not
        seed_everything(cfg.SEED, rank())
    return Parts(
        device=device,
        precision=precision,
        model=model,
        step=step,
        evaluator=build_evaluator(cfg, device, losses),
        sample=TrainingSample(cfg, train_loader, device),
        train_loader=train_loader,
        val_loader=build_loader(cfg, "val", device),
        updates=step.updates,
        average=AveragedWeights(model, cfg.SOLVER.AVERAGE) if cfg.SOLVER.AVERAGE else None,
        tracker=_tracker(cfg, directions),
        iterations=iterations,
        epochs=epochs,
    )


def _initial_model(cfg: Config, from_weights: bool) -> nn.Module:
    model = build_network(cfg)
    checks.check_trainable(cfg, model)
    checks.check_channels(cfg, model, f"MODEL {cfg.MODEL.NAME}")
    check_labeller(cfg, model)
    if from_weights and cfg.MODEL.WEIGHTS:
        state, _, _ = load_weights(cfg.MODEL.WEIGHTS)
        load_into(model, state, cfg.MODEL.WEIGHTS)
    return model


def _tracker(cfg: Config, directions: Mapping[str, bool]) -> BestTracker:
    track = cfg.VALIDATION.TRACK
    return BestTracker(track, directions[track], cfg.VALIDATION.PATIENCE)
