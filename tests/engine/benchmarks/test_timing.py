"""Timing: work known to sleep takes its sleep, in turn, and ratios compare round by round."""

import time

import torch

from engine.benchmarks.timing import WARM_UP, Work, time_in_turn


def test_medians_and_ratios_follow_the_time_taken():
    def work(name: str, seconds: float, items: int) -> Work:
        return Work("sleep", name, (), lambda: time.sleep(seconds), items, "nap")

    one, other = time_in_turn([work("a", 0.02, 1), work("b", 0.1, 2)], 3)
    assert one.median >= 0.02 and other.median >= 0.1
    assert one.ratio == 1 and other.ratio > 1
    assert other.per_second <= 2 / 0.1
    assert one.peak_bytes is None


def test_rounds_take_turns_and_the_first_are_not_counted():
    order: list[str] = []
    works = [Work("note", n, (), lambda n=n: order.append(n), 1, "note") for n in ("a", "b")]
    figures = time_in_turn(works, 4)
    assert order == ["a", "b"] * (WARM_UP + 4)
    assert [len(figure.seconds) for figure in figures] == [4, 4]
    assert [len(figure.warm_up) for figure in figures] == [WARM_UP, WARM_UP]


def test_peak_memory_is_what_lives_at_once():
    def run() -> None:
        torch.zeros(1000).repeat(4).sum()

    (figure,) = time_in_turn([Work("m", "a", (), run, 1, "sum", torch.device("cpu"))], 1)
    assert figure.peak_bytes is not None and 20000 <= figure.peak_bytes < 20100
