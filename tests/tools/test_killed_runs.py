"""A run that is killed (kill -9) goes on and ends with the same bits as one that never was."""

import os
import signal
import time

import numpy as np
import pytest

from engine.checkpoint import load_checkpoint
from tests.comparison import assert_same
from tests.tools.killable import Starter, assert_same_run, make_lab, records

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and kills processes")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    server = Starter(folder)
    yield server
    server.close()


@pytest.fixture(scope="module")
def whole(server):
    """The run that nothing disturbs."""
    code, output = server.run("OUTPUT_DIR", "whole")
    assert code == 0, output
    return server.folder / "whole"


def words_for(folder):
    """How a user goes on: with --resume, or anew where nothing had been saved yet."""
    resume = ["--resume"] if (folder / "checkpoints" / "last.pt").exists() else []
    return ["OUTPUT_DIR", folder.name, *resume]


def killed(server, *words, after=None, **options):
    """Start a run and have it killed: by itself at KILL, or by us `after` a moment."""
    process = server.start(*words, **options)
    if after is not None:
        after()
        os.kill(process, signal.SIGKILL)
    code, output = server.wait()
    assert code == -signal.SIGKILL, output


def until(folder, lines):
    """Wait until the run in `folder` has told so many records."""

    def wait():
        limit = time.monotonic() + 60
        path = folder / "metrics.jsonl"
        while time.monotonic() < limit:
            if path.exists() and len(path.read_text().splitlines()) >= lines:
                return
            time.sleep(0.002)
        raise AssertionError("the run tells nothing")

    return wait


def test_a_run_killed_at_many_moments_ends_with_the_same_bits(server, whole):
    folder = server.folder / "killed"
    killed(server, *words_for(folder), KILL="train:3")  # before the first checkpoint
    assert not (folder / "checkpoints" / "last.pt").exists()
    killed(server, *words_for(folder), KILL="train:6")  # in the second part of a step
    killed(server, *words_for(folder), KILL="val:2")  # in a validation
    told = len(records(folder))
    killed(server, *words_for(folder), after=until(folder, told + 3))  # who knows where
    killed(server, *words_for(folder), KILL="val:1")  # before the epoch's end is told
    code, output = server.run(*words_for(folder))
    assert code == 0, output
    assert_same_run(whole, folder)


def test_a_run_that_is_killed_lets_the_next_one_in_and_a_living_one_does_not(server, whole):
    folder = server.folder / "taken"
    words = ["OUTPUT_DIR", folder.name, "SOLVER.ITERATIONS", "100000"]
    process = server.start(*words)
    until(folder, 3)()
    second = Starter(server.folder)
    try:
        for resume in ([], ["--resume"]):
            code, output = second.run(*words, *resume)
            assert code == 2
            assert output.startswith(f"error: {folder.name}: process {process} is running here")
            assert len(output.splitlines()) == 1
    finally:
        second.close()
    os.kill(process, signal.SIGKILL)
    assert server.wait()[0] == -signal.SIGKILL
    code, output = server.run("OUTPUT_DIR", folder.name, "SOLVER.ITERATIONS", "1", "--resume")
    assert code == 0, output


@pytest.mark.parametrize(
    ("number", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_run_that_is_asked_to_stop_saves_and_says_how_to_go_on(server, whole, number, code, name):
    folder = server.folder / name
    process = server.start("OUTPUT_DIR", folder.name)
    until(folder, 4)()
    os.kill(process, number)
    found, output = server.wait()
    assert found == code, output
    assert f"stopped by {name}" in output and "go on with --resume" in output
    assert "Traceback" not in output
    found, output = server.run(*words_for(folder))
    assert found == 0, output
    assert_same_run(whole, folder)


@pytest.mark.endurance
def test_fifty_kills_at_random_moments_change_no_bit(server):
    """The seed chooses the moments; how fast the machine is, what is under way in them."""
    rng = np.random.default_rng(7)
    length = ["SOLVER.EPOCHS", "400", "VALIDATION.PATIENCE", "400", "CHECKPOINT.PERIOD", "1"]
    folder, kills = server.folder / "fifty", 0
    while kills < 50:
        process = server.start(*words_for(folder), *length)
        time.sleep(0.3 + rng.exponential(0.5))
        os.kill(process, signal.SIGKILL)
        code, output = server.wait()
        assert code == -signal.SIGKILL, output
        kills += 1
    iteration = load_checkpoint(folder / "checkpoints" / "last.pt")["position"]["iteration"]
    ends = ["SOLVER.ITERATIONS", str(iteration + 10)]
    assert server.run(*words_for(folder), *length, *ends)[0] == 0
    assert server.run("OUTPUT_DIR", "undisturbed", *length, *ends)[0] == 0
    states = [
        load_checkpoint(server.folder / name / "checkpoints" / "last.pt")
        for name in ("fifty", "undisturbed")
    ]
    for state in states:
        state.pop("config")
    assert_same(*states)
    assert records(folder) == records(server.folder / "undisturbed")
