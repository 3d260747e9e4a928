"""Memory as it is: counted, told by the system, run out of."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from engine.memory import peak_bytes, unless_out_of_memory

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[2]


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


def test_only_running_out_of_memory_is_caught():
    assert unless_out_of_memory(lambda: 5, CPU) == 5
    assert unless_out_of_memory(lambda: torch.empty(2**60), CPU) is None
    with pytest.raises(RuntimeError, match="size of tensor"):
        unless_out_of_memory(lambda: torch.ones(2) + torch.ones(3), CPU)


def test_measuring_does_not_load_the_compiler():
    # It takes longer to load than all else that a first picture needs.
    program = """
import sys, torch
from engine.memory import peak_bytes
assert peak_bytes(lambda: torch.ones(1000), torch.device("cpu")) == 4000
assert "torch._dynamo" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
