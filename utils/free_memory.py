"""How much memory the machine, or the container, has left."""

from __future__ import annotations

from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
# Control groups, version 2 and 1: limit, bytes in use, and where file caches are counted.
_CGROUPS = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)


def free_memory() -> int | None:
    """Bytes that can still be allocated; None where the system does not tell.

    What the kernel counts as available, or what a container's limit leaves of it.
    """
    known = [left for left in (_kernel_available(), _container_available()) if left is not None]
    return min(known, default=None)


def _kernel_available() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:  # not Linux
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kilobytes[0]) * 1024 if kilobytes else None


def _container_available() -> int | None:
    """What a container's limit leaves; file caches that count as used can be dropped."""
    for limit_file, used_file, stat_file, cache in _CGROUPS:
        try:
            limit = (_CGROUP / limit_file).read_text().strip()
            used = int((_CGROUP / used_file).read_text())
            counts = dict(line.split() for line in (_CGROUP / stat_file).read_text().splitlines())
        except OSError:  # the other version, or no container
            continue
        if limit != "max":
            return int(limit) - used + int(counts.get(cache, 0))
    return None
