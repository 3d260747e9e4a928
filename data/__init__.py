"""From disk to batches: data sets, degradations, transforms, and the loader that joins them."""

from data import datasets, degradations, labellers, representations, transforms
from data.registries import DATASETS, DEGRADATIONS, LABELLERS, REPRESENTATIONS, TRANSFORMS
from utils.registry import import_submodules

for _package in (datasets, degradations, labellers, representations, transforms):
    import_submodules(_package)

__all__ = ["DATASETS", "DEGRADATIONS", "LABELLERS", "REPRESENTATIONS", "TRANSFORMS"]
