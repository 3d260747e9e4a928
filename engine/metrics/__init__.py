"""Figures for how near an output is to its target, and for how often a classifier is right."""

from engine.metrics.base import Metric
from engine.metrics.build import build_classification_metrics, build_metrics
from engine.metrics.classification import ClassificationMetric
from engine.metrics.l1 import L1
from engine.metrics.lpips import LPIPS
from engine.metrics.psnr import PSNR
from engine.metrics.ssim import SSIM
from engine.registries import CLASSIFICATION_METRICS, METRICS

__all__ = [
    "CLASSIFICATION_METRICS",
    "L1",
    "LPIPS",
    "METRICS",
    "PSNR",
    "SSIM",
    "ClassificationMetric",
    "Metric",
    "build_classification_metrics",
    "build_metrics",
]
