"""Figures for how near an output is to its target, taken on the 8-bit picture a user would save."""

from engine.metrics.base import Metric
from engine.metrics.build import build_metrics
from engine.metrics.l1 import L1
from engine.metrics.lpips import LPIPS
from engine.metrics.psnr import PSNR
from engine.metrics.ssim import SSIM
from engine.registries import METRICS

__all__ = ["L1", "LPIPS", "METRICS", "PSNR", "SSIM", "Metric", "build_metrics"]
