"""The kinds of part that make up the engine room."""

from utils.registry import Registry

LEARNERS = Registry("learner", given=("model", "losses", "device", "precision"))
METRICS = Registry("metric")
CLASSIFICATION_METRICS = Registry("classification metric")
