"""Where time goes: the operation that takes it comes first."""

import torch

from engine.benchmarks.profile import profile_table, profiled
from engine.benchmarks.timing import Work


def test_the_operation_that_takes_most_is_first():
    big, small = torch.ones(400, 400), torch.ones(4)

    def run() -> None:
        for _ in range(5):
            big @ big
        small.exp()

    work = Work("sum", "a", ("batch 2",), run, 1, "sum")
    spent = profiled(work, torch.device("cpu"))
    assert spent[0].operation == "aten::mm" and spent[0].calls == 5
    assert abs(sum(one.share for one in spent) - 1) < 1e-6
    assert "aten::exp" in [one.operation for one in spent]
    assert profile_table(work, spent).startswith("sum, a, batch 2:\n\n| operation |")
