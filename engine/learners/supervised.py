"""Learning from pairs: make the output equal the target."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.precision import autocast
from engine.registries import LEARNERS
from engine.step import MODEL, TOTAL, Batch
from utils.errors import ConfigError


@LEARNERS.register
class Supervised:
    """Sums named losses between the model's output and the target.

    Args:
        model: the network being trained; the only one of `networks`.
        losses: name to (loss, weight); see `modeling.build.build_losses`.
        device: where batches lie.
        precision: the forward pass computes in it; the losses always in float32.
    """

    def __init__(
        self,
        model: nn.Module,
        losses: Mapping[str, tuple[nn.Module, float]],
        device: torch.device,
        precision: str,
    ) -> None:
        self.networks = {MODEL: model}
        self.losses = losses
        self._device = device
        self._precision = precision

    def step(self, batch: Batch, network: str = MODEL) -> dict[str, Tensor]:
        """The losses of one batch, with a graph to go backward through.

        Args:
            batch: `input` and `target`, float32 NCHW in [0, 1] on the model's device.
            network: there is but one.

        Returns:
            Scalars: `loss`, the sum by weight, and each loss by its own name, before its weight.
        """
        return self.compare(self.restore(batch), batch)

    def restore(self, batch: Batch) -> Tensor:
        """The model's output for `input`, float32."""
        with autocast(self._device, self._precision):
            output = self.networks[MODEL](batch["input"])
        return output.float()

    def compare(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """`loss`, the sum by weight, and each loss by its own name, before its weight.

        Raises:
            ConfigError: a loss gives something else than a scalar.
        """
        parts = {name: loss(output, batch["target"]) for name, (loss, _) in self.losses.items()}
        for name, value in parts.items():
            if not isinstance(value, Tensor) or value.ndim:
                given = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
                raise ConfigError(f"LOSSES.{name}: must give a scalar tensor, but gives {given}")
        total = sum(self.losses[name][1] * value for name, value in parts.items())
        return {TOTAL: total, **parts}
