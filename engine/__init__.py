"""What happens to models: training, measuring, checkpoints, and restoring one picture."""

from engine.learners import LEARNERS
from engine.metrics import METRICS

__all__ = ["LEARNERS", "METRICS"]
