"""Learning from pairs: make the output equal the target."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.contracts import check_losses, check_output
from engine.precision import autocast
from engine.registries import LEARNERS
from engine.step import MODEL, TOTAL, Batch


@LEARNERS.register
class Supervised:
    """Sums named losses between the model's output and the target.

    Args:
        model: the network being trained; the only one of `networks`.
        losses: name to (loss, weight); see `modeling.build.build_losses`.
        device: where batches lie.
        precision: the forward pass computes in it; the losses always in float32.
    """

    learns_from = "target"

    def __init__(
        self,
        model: nn.Module,
        losses: Mapping[str, tuple[nn.Module, float]],
        device: torch.device,
        precision: str,
    ) -> None:
        self.networks = {MODEL: model}
        self._architecture = type(model).__name__
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
        return self.compare(self.restore(batch), batch["target"])

    def restore(self, batch: Batch) -> Tensor:
        """The model's output for `input`, float32.

        Raises:
            DataError: it is not of the target's size or channels.
        """
        with autocast(self._device, self._precision):
            output = self.networks[MODEL](batch["input"])
        check_output(self._architecture, output, batch["input"], batch["target"])
        return output.float()

    def compare(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """`loss`, the sum by weight, and each loss by its own name, before its weight.

        Args:
            output: what the model gave, float32.
            target: what each loss compares it with.

        Raises:
            ConfigError: a loss gives something else than a scalar, or none has a gradient.
        """
        parts = {name: loss(output, target) for name, (loss, _) in self.losses.items()}
        check_losses(self._architecture, output, parts)
        total = sum(self.losses[name][1] * value for name, value in parts.items())
        return {TOTAL: total, **parts}
