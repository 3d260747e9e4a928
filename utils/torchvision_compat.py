"""One way to import torchvision, also where its compiled operators do not fit the torch at hand.

torchvision imports its operators' shapes before anything else; when its binary was built for
another torch (a CUDA wheel beside a CPU torch) the import ends in "operator torchvision::nms does
not exist". Pellucid uses none of those operators, only the networks written in Python, so
declaring them is enough.
"""

import importlib
import sys
from functools import cache
from types import ModuleType

import torch

_SYMPTOM = "operator torchvision::nms does not exist"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def import_torchvision() -> ModuleType:
    """The torchvision module, importable from here on by any other package as well.

    Raises:
        ImportError: torchvision is not installed.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if _SYMPTOM not in str(error):
            raise
    _declare_operators()
    # What the failed import left behind would be half-filled modules.
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    return importlib.import_module("torchvision")


@cache
def _declare_operators() -> torch.library.Library:
    """Declare the operators once a process; the cache keeps the library, and so them, alive."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    return library
