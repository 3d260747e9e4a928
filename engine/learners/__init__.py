"""What one training step does with a batch."""

from engine import learners
from engine.registries import LEARNERS
from utils.registry import import_submodules

import_submodules(learners)

__all__ = ["LEARNERS"]
