"""What happens to models: training, measuring, checkpoints, and restoring one picture."""

from engine.learners import LEARNERS
from engine.metrics import CLASSIFICATION_METRICS, METRICS

__all__ = ["CLASSIFICATION_METRICS", "LEARNERS", "METRICS"]
