"""Learning from pairs and from a rival that learns to tell output and target apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.learners.supervised import Supervised
from engine.precision import autocast
from engine.registries import LEARNERS
from engine.step import MODEL, TOTAL, Batch
from modeling.registries import ADVERSARIAL_LOSSES, DISCRIMINATORS
from utils.registry import build_part

DISCRIMINATOR = "discriminator"
_OUTPUT = "output"  # in the batch: what the model made, for the discriminator's own step


@LEARNERS.register
class Adversarial(Supervised):
    """Trains the model against a discriminator: Goodfellow et al. 2014; SRGAN, Ledig et al. 2017.

    The model minimises the losses of LOSSES plus `weight` times the adversarial one, through a
    discriminator held still; then the discriminator learns from the same pictures. Start from the
    weights of a run with a pixel loss alone (MODEL.WEIGHTS): from random weights the discriminator
    wins before the model has learnt anything.

    Each network has an optimizer and a schedule of its own: SOLVER.NETWORKS.discriminator says
    what differs from the model's.

    Args:
        discriminator: a registered discriminator, `{NAME: ..., ARGS: {...}}`.
        loss: a registered adversarial loss, likewise.
        weight: of the adversarial loss in the model's sum.
        model: the network that is evaluated and kept.
        losses: name to (loss, weight), between output and target.
        device: where batches lie.
        precision: both networks compute in it; the losses always in float32.

    Raises:
        ConfigError: an unknown discriminator, loss or argument.
        ValueError: a weight below 0, with which the model would learn to be told apart.
    """

    def __init__(
        self,
        discriminator: Mapping[str, Any],
        loss: Mapping[str, Any] | None = None,
        weight: float = 1e-3,
        *,
        model: nn.Module,
        losses: Mapping[str, tuple[nn.Module, float]],
        device: torch.device,
        precision: str,
    ) -> None:
        super().__init__(model, losses, device, precision)
        if not 0 <= weight < math.inf:
            raise ValueError(f"weight is {weight}; it must be at least 0")
        rival = build_part(DISCRIMINATORS, discriminator, "LEARNER.ARGS.discriminator")
        self.networks[DISCRIMINATOR] = rival.to(device)
        self.adversarial = build_part(
            ADVERSARIAL_LOSSES, loss or {"NAME": "Vanilla"}, "LEARNER.ARGS.loss"
        ).to(device)
        self.weight = weight

    def step(self, batch: Batch, network: str = MODEL) -> dict[str, Tensor]:
        """The losses of one network on one batch, with a graph to go backward through.

        Args:
            batch: `input` and `target`, float32 NCHW in [0, 1] on the device; the model's step
                leaves its output there for the discriminator's.
            network: "model" or "discriminator".

        Returns:
            Scalars. For the model `loss`, the weighted sum, each loss by its name, and
            `adversarial`; for the discriminator `loss` and its mean logits `real` and `fake`.
        """
        return self._deceive(batch) if network == MODEL else self._judge(batch)

    def _deceive(self, batch: Batch) -> dict[str, Tensor]:
        output = self.restore(batch)
        told = self.compare(output, batch["target"])
        batch[_OUTPUT] = output.detach()
        with _held_still(self.networks[DISCRIMINATOR]):
            real = None
            if self.adversarial.generator_needs_real:
                with torch.no_grad():
                    real = self._scores(batch["target"])
            adversarial = self.adversarial.for_generator(self._scores(output), real)
        told[TOTAL] = told[TOTAL] + self.weight * adversarial
        return {**told, "adversarial": adversarial}

    def _judge(self, batch: Batch) -> dict[str, Tensor]:
        fake, real = self._scores(batch[_OUTPUT]), self._scores(batch["target"])
        loss = self.adversarial.for_discriminator(fake, real)
        return {TOTAL: loss, "real": real.mean(), "fake": fake.mean()}

    def _scores(self, pictures: Tensor) -> Tensor:
        with autocast(self._device, self._precision):
            scores = self.networks[DISCRIMINATOR](pictures)
        return scores.float()


@contextmanager
def _held_still(network: nn.Module) -> Iterator[None]:
    """Gradients pass through `network` but none is gathered in it."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
