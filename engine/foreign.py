"""Weights in the files of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from modeling.checkpoint_layouts import network_state
from utils.errors import CheckpointError
from utils.state_dicts import flatten, unpickle


def read_foreign_weights(path: str | Path) -> dict[str, Tensor]:
    """A network's weights from a file of torch.save, under the network's own names.

    Args:
        path: a state dict, or one inside dictionaries as `modeling.checkpoint_layouts` knows them.

    Raises:
        CheckpointError: naming the file, where it is missing, torn or unsafe, holds no tensors, or
            is a run's checkpoint.
    """
    content = unpickle(path)
    if isinstance(content, Mapping) and str(content.get("format")).startswith("pellucid"):
        raise CheckpointError(
            f"{path}: is a checkpoint from which a run goes on (--resume), not weights; "
            "use best.safetensors beside it"
        )
    return network_state(flatten(content, path))
