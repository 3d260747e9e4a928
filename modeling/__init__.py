"""Architectures, classifiers, discriminators and losses."""

from modeling import architectures, classifiers, discriminators, losses
from modeling.registries import (
    ADVERSARIAL_LOSSES,
    ARCHITECTURES,
    CLASSIFIERS,
    DISCRIMINATORS,
    LOSSES,
)
from utils.registry import import_submodules

for _package in (architectures, classifiers, discriminators, losses):
    import_submodules(_package)

__all__ = ["ADVERSARIAL_LOSSES", "ARCHITECTURES", "CLASSIFIERS", "DISCRIMINATORS", "LOSSES"]
