"""Where the time of a piece of work goes, operation by operation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from engine.benchmarks.report import table
from engine.benchmarks.timing import WARM_UP, Work

_SHOWN = 12  # operations


@dataclass(frozen=True)
class Spent:
    """What one operation took in all its calls, without what it called.

    Attributes:
        operation: PyTorch's name of it; waiting for a loader has one too.
        seconds: on the device, or on the CPU.
        share: of all operations' time there.
        calls: how often.
    """

    operation: str
    seconds: float
    share: float
    calls: int


def profiled(work: Work, device: torch.device) -> list[Spent]:
    """Do a piece of work once under PyTorch's profiler, after the uncounted rounds.

    Returns:
        The operations on `device`, the one that took most first.
    """
    for _ in range(WARM_UP):
        work.run()
    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as profiler:
        work.run()
    times = [
        (event.self_device_time_total if cuda else event.self_cpu_time_total, event)
        for event in profiler.key_averages()
    ]
    total = sum(microseconds for microseconds, _ in times) or 1.0
    spent = [
        Spent(event.key, microseconds / 1e6, microseconds / total, event.count)
        for microseconds, event in times
        if microseconds
    ]
    return sorted(spent, key=lambda one: -one.seconds)


def profile_table(work: Work, spent: list[Spent]) -> str:
    """The operations that took most, as Markdown below a line that says of what."""
    rows = [
        (one.operation, f"{one.seconds * 1e3:.2f}", f"{one.share:.1%}", str(one.calls))
        for one in spent[:_SHOWN]
    ]
    told = ", ".join((work.measure, work.name, *work.setting))
    return f"{told}:\n\n{table(('operation', 'own ms', 'share', 'calls'), rows)}"
