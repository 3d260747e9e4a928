"""Which device a run uses, and in which precision it computes there.

Training, evaluation and restoring all ask here, so that what was measured is what is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch

from utils.distributed import local_rank, world_size
from utils.errors import ConfigError
from utils.registry import did_you_mean

PRECISIONS = ("float32", "bf16", "fp16")
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_device(name: str) -> torch.device:
    """The device that `DEVICE` or `--device` names.

    Args:
        name: "auto" (CUDA when there is one, else the CPU), "cpu", "cuda", or "cuda:1". Where
            several processes work as one, "cuda" is the device of this one's number.

    Raises:
        ConfigError: not a device Pellucid runs on, or a CUDA device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ConfigError(
            f"DEVICE: {name!r} is none that Pellucid runs on; "
            f"{did_you_mean(name, ['auto', 'cpu', 'cuda', 'cuda:1'])}"
        )
    if device.type == "cuda":
        if world_size() > 1:
            device = _own_device(name, device)
        _require_cuda(name, device)
    return device


def _own_device(name: str, device: torch.device) -> torch.device:
    if device.index is not None:
        raise ConfigError(
            f"DEVICE: {name!r} cannot hold {world_size()} processes; with cuda each takes its own"
        )
    return torch.device("cuda", local_rank())


def _require_cuda(name: str, device: torch.device) -> None:
    if not torch.cuda.is_available():
        raise ConfigError(
            f"DEVICE: {name!r} was asked for, but this PyTorch ({torch.__version__}) finds no CUDA "
            "device; use cpu or auto"
        )
    count = torch.cuda.device_count()
    if device.index is not None and device.index >= count:
        raise ConfigError(
            f"DEVICE: cuda:{device.index} is not there; this machine has cuda:0 to {count - 1}"
        )


def resolve_precision(
    name: str, device: torch.device, supported: Sequence[str] = PRECISIONS
) -> str:
    """The precision that `PRECISION` names on `device`: "float32", "bf16" or "fp16".

    Args:
        name: one of those, or "auto": bf16 on a CUDA device that computes in it, else float32.
        device: where the model runs.
        supported: what the architecture bears (`descriptor.precisions`).

    Raises:
        ConfigError: an unknown precision, or one the architecture does not bear.
    """
    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if fast and "bf16" in supported else "float32"
    if name not in PRECISIONS:
        raise ConfigError(f"PRECISION: {name!r}; {did_you_mean(name, ['auto', *PRECISIONS])}")
    if name not in supported:
        raise ConfigError(
            f"PRECISION: the architecture does not bear {name}; use {' or '.join(supported)}"
        )
    return name


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """A fresh context in which a forward pass computes in `precision`; float32 changes nothing."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])
