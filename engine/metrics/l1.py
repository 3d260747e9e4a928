"""Mean absolute difference."""

from typing import Any

import torch

from engine.metrics.base import Metric
from engine.registries import METRICS


@METRICS.register
class L1(Metric):
    """Mean absolute difference of the 8-bit pictures, as a part of the full range: 0 to 1."""

    higher_is_better = False

    def protocol(self) -> dict[str, Any]:
        """How the figure is taken."""
        return super().protocol() | {"unit": "part of the full range, 0 to 1"}

    def _measure(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (output - target).abs().mean(dim=(1, 2, 3), dtype=torch.float64) / 255
