"""Tensors by name from a weights file of any program: safetensors, or what torch.save wrote.

Files are never unpickled freely: PyTorch reads them with `weights_only`.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from utils.errors import CheckpointError

PICKLED = (".pth", ".pt", ".ckpt", ".bin")  # suffixes of files that torch.save writes


def is_pickled(path: str | Path) -> bool:
    """Whether a file is, by its suffix, one of torch.save's; any other is safetensors."""
    return Path(path).suffix.lower() in PICKLED


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Every tensor of a file, on the CPU; names of nested dictionaries are joined by dots.

    Raises:
        CheckpointError: naming the file, where it is missing, torn, unsafe or holds no tensors.
    """
    if is_pickled(path):
        return flatten(unpickle(path), path)
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: there is no such weights file")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is no whole safetensors file: {error}") from error


def unpickle(path: str | Path) -> Any:
    """What torch.save wrote, tensors and plain Python only, on the CPU.

    Raises:
        CheckpointError: naming the file, where it is missing, torn, or holds anything else.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: there is no such weights file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: is torn, or holds more than tensors and plain Python, which could run code "
            "and is not read; save its state_dict alone"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: is no whole file of torch.save") from error


def flatten(state: Any, path: str | Path) -> dict[str, Tensor]:
    """The tensors of nested dictionaries under names joined by dots; all else is left out.

    Args:
        state: what a file held.
        path: the file, for messages.

    Raises:
        CheckpointError: there are none.
    """
    tensors = dict(_named_tensors(state)) if isinstance(state, Mapping) else {}
    if not tensors:
        raise CheckpointError(f"{path}: holds no tensors by name")
    return tensors


def _named_tensors(state: Mapping[Any, Any]) -> list[tuple[str, Tensor]]:
    found = []
    for name, value in state.items():
        if isinstance(value, Tensor):
            found.append((str(name), value.detach()))
        elif isinstance(value, Mapping):
            found += [(f"{name}.{rest}", tensor) for rest, tensor in _named_tensors(value)]
    return found
