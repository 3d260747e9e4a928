"""Peak signal-to-noise ratio."""

from typing import Any

import torch

from engine.metrics.base import Metric
from engine.registries import METRICS


@METRICS.register
class PSNR(Metric):
    """Peak signal-to-noise ratio in dB at a data range of 255, averaged over pictures.

    Identical pictures have an infinite ratio, and so has the mean of any set that holds such a
    pair: a finite stand-in would be a made-up figure.
    """

    def protocol(self) -> dict[str, Any]:
        """How the figure is taken."""
        return super().protocol() | {"unit": "dB", "data_range": 255}

    def _measure(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        error = (output - target).square().mean(dim=(1, 2, 3), dtype=torch.float64)
        return 10 * torch.log10(255**2 / error)
