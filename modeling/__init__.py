"""Architectures and losses."""

from modeling import architectures, losses
from modeling.registries import ARCHITECTURES, LOSSES
from utils.registry import import_submodules

for _package in (architectures, losses):
    import_submodules(_package)

__all__ = ["ARCHITECTURES", "LOSSES"]
