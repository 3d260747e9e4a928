"""Optimizers and learning-rate schedules."""

from solver import optimizers, schedulers
from solver.build import build_optimizer, build_scheduler
from solver.registries import OPTIMIZERS, SCHEDULERS

__all__ = [
    "OPTIMIZERS",
    "SCHEDULERS",
    "build_optimizer",
    "build_scheduler",
    "optimizers",
    "schedulers",
]
