"""What is left of memory, as the kernel and a container's limit tell."""

import os

import pytest

import utils.free_memory
from utils.free_memory import free_memory


def test_what_the_system_tells_is_sane():
    available = free_memory()
    if available is None:
        pytest.skip("this system does not tell")
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 2**20 < available < physical


@pytest.mark.parametrize(
    ("limit", "used", "stat", "counts"),
    [
        ("memory.max", "memory.current", "memory.stat", "anon 5\ninactive_file 300\n"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "cache 5\ntotal_inactive_file 300\n",
        ),
    ],
)
def test_a_containers_limit_counts(tmp_path, monkeypatch, limit, used, stat, counts):
    (tmp_path / "memory").mkdir()
    for file, text in [(limit, "5000\n"), (used, "2000\n"), (stat, counts)]:
        (tmp_path / file).write_text(text)
    monkeypatch.setattr(utils.free_memory, "_CGROUP", tmp_path)
    assert free_memory() == 5000 - 2000 + 300
    (tmp_path / limit).write_text("max\n")
    assert limit != "memory.max" or free_memory() != 3300
