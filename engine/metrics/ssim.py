"""Structural similarity."""

import math
from typing import Any

import torch

from engine.metrics.base import Metric
from engine.registries import METRICS
from utils.errors import ImageError

_WINDOW = 11  # scikit-image's width for sigma 1.5, cut off at 3.5 sigma
_SIGMA = 1.5
_RADIUS = _WINDOW // 2
_HALF = [math.exp(-(offset**2) / (2 * _SIGMA**2)) for offset in range(_RADIUS + 1)]
_WEIGHTS = [value / (2 * sum(_HALF) - _HALF[0]) for value in _HALF]  # centre first
_RANGE = 255.0
_C1 = (0.01 * _RANGE) ** 2
_C2 = (0.03 * _RANGE) ** 2
_PIXELS_AT_ONCE = 2**22  # keeps the working memory of big pictures within some hundred MB


@METRICS.register
class SSIM(Metric):
    """Structural similarity of Wang et al. (2004), each channel by itself, then averaged.

    Gaussian window of 11 pixels and sigma 1.5, population covariance, data range 255, only where
    the window lies inside the picture: scikit-image's `structural_similarity(gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False, data_range=255)`.
    """

    def protocol(self) -> dict[str, Any]:
        """How the figure is taken."""
        return super().protocol() | {
            "data_range": 255,
            "window": "Gaussian, 11x11, sigma 1.5, inside the picture only",
            "covariance": "population",
        }

    def _check(self, output: torch.Tensor, target: torch.Tensor) -> None:
        super()._check(output, target)
        height, width = (side - 2 * self.crop_border for side in output.shape[-2:])
        if min(height, width) < _WINDOW:
            raise ImageError(
                f"SSIM needs {_WINDOW}x{_WINDOW} px or more, got {width}x{height} px"
                + (f" within crop_border {self.crop_border}" if self.crop_border else "")
            )

    def _measure(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = output.shape
        step = max(1, _PIXELS_AT_ONCE // (height * width))
        planes = zip(
            output.reshape(-1, height, width).split(step),
            target.reshape(-1, height, width).split(step),
            strict=True,
        )
        values = torch.cat([_similarity(a.double(), b.double()) for a, b in planes])
        return values.view(count, channels).mean(dim=1)


def _similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """One value a plane from float64 P x H x W in [0, 255]: variances of bright flat areas are
    small differences of large numbers, which float32 loses.
    """
    moments = _blur(torch.stack([a, b, a.square() + b.square(), a * b]))
    mean_a, mean_b, squares, product = moments.unbind()
    means = mean_a.square() + mean_b.square()
    covariance = product - mean_a * mean_b
    similarity = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    similarity /= (means + _C1) * (squares - means + _C2)
    return similarity.mean(dim=(1, 2))


def _blur(maps: torch.Tensor) -> torch.Tensor:
    """Gaussian means of M x P x H x W wherever the window fits."""
    return _blur_along(_blur_along(maps, -2), -1)


def _blur_along(maps: torch.Tensor, axis: int) -> torch.Tensor:
    # Shifted sums over the symmetric window: eight times as fast as conv2d in float64 on CPU.
    size = maps.shape[axis] - _WINDOW + 1
    total = maps.narrow(axis, _RADIUS, size) * _WEIGHTS[0]
    for offset, weight in enumerate(_WEIGHTS[1:], start=1):
        before = maps.narrow(axis, _RADIUS - offset, size)
        after = maps.narrow(axis, _RADIUS + offset, size)
        total.add_(before + after, alpha=weight)
    return total
