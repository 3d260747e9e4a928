"""Memory as it is: counted, told by the system, run out of."""

import os

import pytest
import torch
from torch.nn import functional as F

from engine import memory
from engine.memory import available_bytes, peak_bytes, unless_out_of_memory

CPU = torch.device("cpu")


def test_peak_counts_tensors_for_as_long_as_they_live():
    x = torch.zeros(1, 1, 100, 100)

    def work():
        wide = F.conv2d(x, torch.ones(8, 1, 1, 1))  # 8 pictures
        narrow = wide.sum(1, keepdim=True)  # and 1
        del wide
        more = torch.cat([narrow] * 3, dim=1)  # 1 + 3
        return more.view(-1)[5:]  # the same memory

    with torch.inference_mode():
        assert peak_bytes(work, CPU) == 9 * 100 * 100 * 4


def test_what_the_system_tells_is_sane():
    available = available_bytes(CPU)
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
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert available_bytes(CPU) == 5000 - 2000 + 300
    (tmp_path / limit).write_text("max\n")
    assert limit != "memory.max" or available_bytes(CPU) != 3300


def test_only_running_out_of_memory_is_caught():
    assert unless_out_of_memory(lambda: 5, CPU) == 5
    assert unless_out_of_memory(lambda: torch.empty(2**60), CPU) is None
    with pytest.raises(RuntimeError, match="size of tensor"):
        unless_out_of_memory(lambda: torch.ones(2) + torch.ones(3), CPU)
