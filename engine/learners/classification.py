"""Learning to tell classes apart."""

from __future__ import annotations

from torch import Tensor

from engine.contracts import check_scores
from engine.learners.supervised import Supervised
from engine.precision import autocast
from engine.registries import LEARNERS
from engine.step import MODEL, Batch


@LEARNERS.register
class Classification(Supervised):
    """Sums named losses, such as cross entropy, between a classifier's scores and the labels.

    Args:
        model: the classifier being trained; the only one of `networks`.
        losses: name to (loss, weight); each takes scores and labels.
        device: where batches lie.
        precision: the forward pass computes in it; the losses always in float32.
    """

    learns_from = "label"

    def step(self, batch: Batch, network: str = MODEL) -> dict[str, Tensor]:
        """The losses of one batch, with a graph to go backward through.

        Args:
            batch: `input`, float32 NCHW in [0, 1], and `label`, int64 (N), on the device.
            network: there is but one.
        """
        model = self.networks[MODEL]
        with autocast(self._device, self._precision):
            scores = model(batch["input"])
        check_scores(self._architecture, scores, batch["label"])
        return self.compare(scores.float(), batch["label"])
