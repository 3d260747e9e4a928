"""Weights files of half the size."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from utils.errors import CheckpointError
from utils.files import atomic_path


def halve_weights(source: str | Path, target: str | Path) -> None:
    """Write a weights file anew with its kernels and matrices as float16.

    Vectors (biases, slopes, batch norm's statistics, whose smallest variances float16 cannot hold)
    stay as they are: they are small. Config and metrics go along. Whoever loads the file gets
    float32 parameters from it, rounded to 11 bits.

    Args:
        source: a .safetensors file.
        target: the file to write; one that exists is replaced at once.

    Raises:
        CheckpointError: `source` cannot be read or is `target`; a value is beyond float16 (65504).
        PellucidError: `target` cannot be written.
    """
    if Path(source).resolve() == Path(target).resolve():
        raise CheckpointError(f"{target}: is the file to halve, and rounding loses; name another")
    try:
        with safe_open(str(source), framework="pt") as file:
            state = {name: _halved(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{source}: is no whole safetensors file: {error}") from error
    for name, tensor in state.items():
        if tensor.dtype == torch.float16 and not tensor.isfinite().all():
            raise CheckpointError(f"{source}: {name} has values that float16 cannot hold")
    with atomic_path(target) as temporary:
        save_file(state, str(temporary), metadata)


def _halved(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.dtype == torch.float32 and tensor.dim() > 1 else tensor
