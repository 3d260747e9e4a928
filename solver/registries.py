"""The kinds of part that make up the solver room."""

from utils.registry import Registry

OPTIMIZERS = Registry("optimizer", given=("params", "lr", "fused"))
SCHEDULERS = Registry(
    "schedule", given=("optimizer", "total_steps", "steps_per_epoch", "higher_is_better")
)
