"""Two real processes over gloo: what they join, and how all end when one does."""

import signal
import time

import pytest
import torch

from utils import distributed

BEGIN = """\
import os, signal, sys, time
import torch
from utils import distributed
from utils.command_line import run_tool
from utils.errors import DataError
import argparse

def main(arguments):
    with distributed.processes():
        work(distributed.rank())
    print("through", flush=True)
"""
END = "\nsys.exit(run_tool(main, argparse.ArgumentParser(), []))\n"


@pytest.fixture
def together(start_processes, tmp_path):
    """Runs `work`, the body of a function of the rank, in processes of their own."""

    def run(work, count=2):
        lines = "".join(f"    {line}\n" for line in work.strip().splitlines())
        program = f"{BEGIN}\ndef work(rank):\n{lines}{END}"
        ended = [run.wait() for run in start_processes(program, [], count, tmp_path)]
        told = [(one.stdout, one.stderr, one.returncode) for one in ended]
        return map(list, zip(*told, strict=True))

    return run


def test_one_process_needs_no_other():
    with distributed.processes():
        assert not torch.distributed.is_initialized()
        assert (distributed.rank(), distributed.world_size()) == (0, 1)
        assert distributed.is_main()
        assert distributed.sum_over_ranks(torch.tensor([1.5, 2])).tolist() == [1.5, 2]
        assert distributed.largest(3) == 3
        assert distributed.gather_dealt(["a", "b"]) == ["a", "b"]
        assert distributed.from_main(lambda: "here") == "here"


def test_what_processes_join(together):
    out, err, codes = together(
        """
own = torch.tensor([1.0, 10.0]) * (rank + 1)
assert distributed.sum_over_ranks(own).tolist() == [6, 60], own
assert own.tolist() == [rank + 1, 10 * (rank + 1)]
assert distributed.stack_over_ranks(own)[:, 1].tolist() == [10, 20, 30]
assert distributed.largest([2, 15, 0][rank]) == 15
assert distributed.is_main() == (rank == 0)
assert distributed.gather(rank) == ([0, 1, 2] if rank == 0 else [])
dealt = distributed.gather_dealt([list("adg"), list("be"), list("cf")][rank])
assert dealt == (list("abcdefg") if rank == 0 else [])
assert distributed.gather_dealt(["only"] if rank == 0 else []) == (["only"] if rank == 0 else [])
assert distributed.from_main(lambda: {"rank": rank})["rank"] == 0
""",
        count=3,
    )
    assert codes == [0, 0, 0], err
    assert out == ["through\n"] * 3


@pytest.mark.parametrize("waiting", ["distributed.barrier()", "time.sleep(60)"])
def test_an_error_in_one_ends_all_with_its_message_alone(together, waiting):
    began = time.monotonic()
    _, err, codes = together(
        f"""
distributed.barrier()
if rank == 1:
    raise DataError("train: 7.png is broken")
time.sleep(1)
{waiting}
"""
    )
    assert time.monotonic() - began < 30
    assert err == ["", "error: train: 7.png is broken (rank 1 of 2)\n"]
    assert codes[0] != 0 and codes[1] == 2


def test_a_killed_process_is_told_by_the_other(together):
    _, err, codes = together(
        """
distributed.barrier()
if rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
distributed.barrier()
"""
    )
    assert codes == [2, -signal.SIGKILL]
    assert err[0].startswith("error: another process ended without saying why")
    assert len(err[0].splitlines()) == 1
