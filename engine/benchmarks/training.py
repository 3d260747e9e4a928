"""How fast a network learns: a step on a batch that is at hand, and whole epochs."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from data.build import build_samples
from data.samples import Sample, collate
from engine.assembly import assemble
from engine.benchmarks.subject import Subject
from engine.benchmarks.timing import Work, wait_for
from engine.generators import seed_everything
from engine.learning import build_step
from engine.step import Batch
from modeling.build import build_losses, build_network
from utils.errors import PellucidError

_STEPS = 1000  # of an epoch, for schedules


class _MadeUp:
    """A data set of noise: clean pictures, or pairs where the config has nothing to make inputs."""

    def __init__(self, subject: Subject, scale: int) -> None:
        self._subject = subject
        self._scale = scale

    def __len__(self) -> int:
        return self._subject.cfg.DATA.BATCH_SIZE

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        data = self._subject.cfg.DATA
        target = self._subject.picture(index, data.CHANNELS)
        sample: dict[str, Any] = {"target": target, "name": f"made-up picture {index}"}
        if not data.DEGRADATIONS and not data.LABELLER.NAME:
            sample["input"] = target[:: self._scale, :: self._scale]
        return sample


def step_works(subject: Subject) -> list[Work]:
    """One training step: a batch from the CPU's memory, forward, backward, update.

    The batch is what the config makes of noise: no data set is needed.

    Raises:
        PellucidError: an option is wrong, or pictures of this size do not fit it.
    """
    cfg, device = subject.cfg, subject.device
    seed_everything(cfg.SEED)
    model = build_network(cfg).to(device)
    losses = {name: (loss.to(device), weight) for name, (loss, weight) in build_losses(cfg).items()}
    step = build_step(
        cfg, model, losses, device, subject.precision, cfg.SOLVER.EPOCHS, steps_per_epoch=_STEPS
    )
    batch = _batch(subject, getattr(model.descriptor, "scale", 1))

    def run() -> None:
        step.take(dict(batch))
        wait_for(device)

    size = f"{batch['input'].shape[3]}x{batch['input'].shape[2]}"
    setting = (f"batch {cfg.DATA.BATCH_SIZE}", f"input {size}", subject.precision)
    peak_on = None if cfg.SPEED.COMPILE else device  # counting looks into every operation
    return [Work("step", subject.name, setting, run, cfg.DATA.BATCH_SIZE, "sample", peak_on)]


def epoch_works(subject: Subject) -> list[Work]:
    """A whole epoch of training, from the data set's files to changed weights, validation left out.

    Each round is another epoch.

    Raises:
        PellucidError: a data set is missing, or an option is wrong.
    """
    cfg, device = subject.cfg, subject.device
    parts = assemble(cfg, from_weights=False)
    epochs = count()

    def run() -> None:
        parts.model.train()
        parts.train_loader.set_epoch(next(epochs))
        for batch in parts.train_loader:
            parts.step.take(batch)
        wait_for(device)

    setting = (
        f"batch {cfg.DATA.BATCH_SIZE}",
        f"workers {cfg.DATA.WORKERS}",
        f"cache {cfg.DATASETS.CACHE}",
        parts.precision,
    )
    samples = parts.train_loader.sampler.sampler.size
    return [Work("epoch", subject.name, setting, run, samples, "sample")]


def _batch(subject: Subject, scale: int) -> Batch:
    samples = build_samples(subject.cfg, _MadeUp(subject, scale), train=True)
    size = subject.cfg.DATA.BATCH_SIZE
    batch = collate([samples.make((0, index)) for index in range(size)])
    if isinstance(batch, PellucidError):
        raise batch
    return {**batch, "count": size, "total": size}
