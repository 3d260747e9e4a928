"""A load test tells what a server really does: one whose every habit is known."""

import asyncio
import socket
from contextlib import ExitStack

import httpx
import numpy as np
import psutil
import pytest

from serving.load import Answer, Limits, LoadTest, Phase, aims_of, process_listening
from tests.serving.small_server import small_server
from utils.errors import PellucidError


@pytest.fixture
def start():
    """Starts a `small_server` that lives as long as the test."""
    with ExitStack() as running:
        yield lambda *habits: running.enter_context(small_server(*habits))


def load_test(url, pid, count=40, rng=None, **limits):
    request = httpx.Request("POST", url, files={"image": ("a.png", b"a picture")})
    answered, told = [], []
    test = LoadTest(
        request,
        psutil.Process(pid),
        Limits(requests=count, clients=4, **limits),
        rng,
        lambda: answered.append(1),
    )
    phases = asyncio.run(test.run(told.append))
    assert told == phases and len(answered) == 30 + sum(len(phase.answers) for phase in phases)
    return phases


@pytest.mark.parametrize("rng", [None, np.random.default_rng(0)], ids=["evenly", "by chance"])
def test_phases_and_their_figures(start, rng):
    url, pid = start()
    assert process_listening(httpx.URL(url).port).pid == pid
    single, full, half, flood = load_test(url, pid, rng=rng)
    assert [len(phase.answers) for phase in (single, full, half, flood)] == [30, 40, 40, 40]
    assert set(single.statuses) == set(full.statuses) == {"200"}
    assert single.time(50) >= 0.01 and full.time(50) >= 0.01 and full.held <= 100
    assert set(half.statuses) | set(flood.statuses) <= {"200", "503"}
    aims = aims_of([single, full, half, flood])
    assert aims.other_errors == 0 and aims.slowdown == half.time(99) / single.time(50)


def test_memory_that_is_kept_is_seen(start):
    growths = [load_test(*start(0.002, kept))[1].growth for kept in (0, 2**22)]
    assert abs(growths[0]) < 0.1 and growths[1] > 0.3  # 60, then 40 more times 4 MiB


def test_time_bounds_every_phase(start):
    phases = load_test(*start(0.01), count=10**6, seconds=0.5)
    assert all(len(phase.answers) < 1000 for phase in phases)


def test_a_server_that_fails_is_not_measured(start):
    with pytest.raises(PellucidError, match=r"answered \{'500': 30\} instead of 200 only"):
        load_test(*start(0, 0, 500))


def test_every_way_to_fail_is_counted(start):
    url, pid = start(0.3, 0, 200, 1000)
    with pytest.raises(PellucidError, match="'timeout': 30"):
        load_test(url, pid, patience=0.01)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(PellucidError, match="'no answer': 30"):
            load_test(f"http://127.0.0.1:{port}/", pid)
        with pytest.raises(PellucidError, match=f"port {port}: no process of yours listens"):
            process_listening(port)


def test_figures():
    answers = [Answer("200", seconds) for seconds in np.linspace(0, 1, 101)]
    memory = [50, *[100] * 40, *[150] * 10]
    phase = Phase("a", [*answers, Answer("503", 9.0)], 10.0, memory)
    assert phase.time(50) == 0.5 and phase.time(99) == pytest.approx(0.99)
    assert phase.held == 10.1 and phase.statuses == {"200": 101, "503": 1}
    assert phase.growth == 0.5
    assert phase.figures()["p95"] == pytest.approx(0.95)
    assert np.isnan(Phase("b", [Answer("503", 1.0)], 1.0, [1, 1]).time(50))
