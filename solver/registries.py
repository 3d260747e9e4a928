"""The kinds of part that make up the solver room."""

from utils.registry import Registry

OPTIMIZERS = Registry("optimizer")
SCHEDULERS = Registry("schedule")
