"""Architectures, discriminators and losses."""

from modeling import architectures, discriminators, losses
from modeling.registries import ADVERSARIAL_LOSSES, ARCHITECTURES, DISCRIMINATORS, LOSSES
from utils.registry import import_submodules

for _package in (architectures, discriminators, losses):
    import_submodules(_package)

__all__ = ["ADVERSARIAL_LOSSES", "ARCHITECTURES", "DISCRIMINATORS", "LOSSES"]
