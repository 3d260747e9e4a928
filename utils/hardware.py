"""What a device is, in words that can stand beside a time taken on it."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

_CPU_FACTS = Path("/proc/cpuinfo")  # Linux; its "model name" is what other systems' platform gives


def describe_device(device: torch.device) -> str:
    """A GPU's name; a CPU's, with the threads that PyTorch computes with."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{_cpu_name()}, {threads} thread{'s' if threads > 1 else ''}"


def _cpu_name() -> str:
    try:
        lines = _CPU_FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    facts = (line.partition(":") for line in lines)
    names = (value.strip() for key, _, value in facts if key.strip() == "model name")
    return next(names, platform.processor() or f"{platform.machine()} CPU")
