"""From a config and a model to the step that learns, whatever data it will be given."""

from __future__ import annotations

import torch
from torch import nn

from config import Config
from data.transfer import to_device
from engine import checks
from engine.classification_checks import check_learner
from engine.learners import LEARNERS
from engine.parallel import share_batch_norm
from engine.speed import check_speed, compiled, recompute, resolve_memory_format
from engine.step import Batch, TrainingStep
from engine.update import Update
from solver import build_optimizer, build_scheduler
from utils.phases import phase
from utils.registry import build_part


def build_step(
    cfg: Config,
    model: nn.Module,
    losses: dict[str, tuple[nn.Module, float]],
    device: torch.device,
    precision: str,
    epochs: int,
    steps_per_epoch: int,
) -> TrainingStep:
    """The step by which `model` learns, with its learner, optimizers and schedules.

    Args:
        cfg: LEARNER, SOLVER and SPEED are read.
        model: on the device, in any memory format; it is given the one that SPEED names.
        losses: by name, with their weights, on the device; likewise.
        device: where all of it is computed.
        precision: of forward passes.
        epochs: length of the run, for schedules.
        steps_per_epoch: likewise.

    Raises:
        ConfigError: naming the option that is wrong.
    """
    check_speed(cfg, device)
    layout = resolve_memory_format(cfg.SPEED.MEMORY_FORMAT, device, model)
    learner = build_part(
        LEARNERS,
        cfg.LEARNER,
        "LEARNER",
        model=model,
        losses=losses,
        device=device,
        precision=precision,
    )
    check_learner(cfg, learner, losses)
    checks.check_networks(cfg, learner.networks)
    for module in (*learner.networks.values(), *(loss for loss, _ in losses.values())):
        module.to(memory_format=layout)
    recompute(cfg, learner.networks)
    if cfg.SOLVER.SYNC_BATCHNORM:
        share_batch_norm(learner.networks, device)
    directions = checks.metric_directions(cfg)
    updates = {
        name: Update(
            network,
            optimizer := build_optimizer(cfg, network.parameters(), name),
            build_scheduler(cfg, optimizer, epochs, steps_per_epoch, directions, name),
            torch.amp.GradScaler(device.type, enabled=precision == "fp16"),
            cfg.SOLVER.CLIP_NORM,
        )
        for name, network in learner.networks.items()
    }
    for name, network in learner.networks.items():
        learner.networks[name] = compiled(cfg, network)

    @phase("to device")
    def bring(batch: Batch) -> Batch:
        return to_device(batch, device, layout)

    return TrainingStep(learner, updates, cfg.SOLVER.ACCUMULATE, bring)
