"""A run that lost a process goes on with fewer or more, and learns what an undisturbed one does."""

import os
import signal
import subprocess
import sys
import time

import pytest

from engine.checkpoint import load_checkpoint
from tests.forks import REPOSITORY, run
from tests.tools.killable import make_lab
from tests.tools.test_distributed_runs import PLAIN, assert_close_run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and kills processes")

# Tells which samples a process learnt from, a line a step: their pixels are a function of the seed,
# the epoch and the index. It takes its time, so that there is a middle to be killed in.
NOTING = """
import os, time, zlib
from engine.learners.supervised import Supervised
from engine.registries import LEARNERS

@LEARNERS.register
class Noting(Supervised):
    def step(self, batch, network="model"):
        pictures = batch["input"][: batch["count"]].numpy()
        os.makedirs("seen", exist_ok=True)
        with open(f"seen/{os.environ.get('RANK', 0)}", "a") as file:
            print(*(zlib.crc32(picture.tobytes()) for picture in pictures), file=file)
        time.sleep(0.01)
        return super().step(batch, network)
"""
# Eleven samples in steps of 5, 5 and 1; nothing in the network depends on who has which.
_LIMIT = 400  # seconds after which a run that should have ended or told something has failed
WORDS = ["--config-file", "run.yml", "PLUGINS", "[lab, plain, noting]", "MODEL.NAME", "PlainNet"]
WORDS += ["LEARNER.NAME", "Noting", "DATA.EPOCH_SIZE", "11", "DATA.BATCH_SIZE", "5"]
WORDS += ["SOLVER.ACCUMULATE", "1", "SOLVER.EPOCHS", "8", "VALIDATION.PATIENCE", "99"]
WORDS += ["LOG.PERIOD", "1", "CHECKPOINT.PERIOD", "2", "--resume-or-begin"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    (folder / "plain.py").write_text(PLAIN)
    (folder / "noting.py").write_text(NOTING)
    return folder


def ended(runs):
    return [started.wait() for started in runs]


def wait_for_records(folder, count):
    path, limit = folder / "metrics.jsonl", time.monotonic() + _LIMIT
    while not path.is_file() or len(path.read_text().splitlines()) < count:
        assert time.monotonic() < limit, "the run tells nothing"
        time.sleep(0.005)


def taken(lab):
    """The samples of each step that the processes took since this was asked last, in order."""
    files = sorted((lab / "seen").iterdir())
    steps = []
    for shares in zip(*([line.split() for line in open(file)] for file in files), strict=False):
        dealt = [share[turn] for turn in range(5) for share in shares if turn < len(share)]
        steps.append(dealt)
    for file in files:
        file.unlink()
    return steps


@pytest.fixture(scope="module")
def plan(lab):
    """The samples of each step of a run of one process, which is left in the folder "whole"."""
    alone = run("train_net", *WORDS, "OUTPUT_DIR", "whole", folder=lab)
    assert alone.returncode == 0, alone.stderr
    steps = taken(lab)
    assert [len(step) for step in steps] == [5, 5, 1] * 8
    assert len({sample for step in steps for sample in step}) > 80  # of 88, hardly two are alike
    return steps


@pytest.mark.parametrize("then", [1, 3])
def test_a_run_of_two_that_lost_one_goes_on_with_another_number(lab, plan, start_processes, then):
    broken = f"broken{then}"
    pair = start_processes("train_net", [*WORDS, "OUTPUT_DIR", broken], 2, lab)
    wait_for_records(lab / broken, 8)
    os.kill(pair[1].pid, signal.SIGKILL)
    assert [one.returncode for one in ended(pair)] == [2, -signal.SIGKILL]
    saved = load_checkpoint(lab / broken / "checkpoints" / "last.pt")["position"]["iteration"]
    assert 0 < saved < len(plan) and taken(lab)[:saved] == plan[:saved]

    others = ended(start_processes("train_net", [*WORDS, "OUTPUT_DIR", broken], then, lab))
    assert [one.returncode for one in others] == [0] * then, others
    assert f"the number of processes was 2, is {then}" in others[0].stdout + others[0].stderr
    assert taken(lab) == plan[saved:]
    assert_close_run(lab / "whole", lab / broken)


def torchrun(lab, output, *words, **environment):
    log = (lab / f"{output}.log").open("a")
    tool = [str(REPOSITORY / "tools" / "train_net.py"), *WORDS, "OUTPUT_DIR", output]
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *words, *tool, "SOLVER.EPOCHS", "30"],
        cwd=lab,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def children(process):
    path = f"/proc/{process}/task/{process}/children"
    return [int(word) for word in open(path).read().split()]


def kill_machine(launcher):
    """All at once, as a machine that loses its power: workers lead groups of their own."""
    for process in [*children(launcher.pid), launcher.pid]:
        os.kill(process, signal.SIGKILL)
    launcher.wait()


def kill_all(launchers):
    for launcher in launchers:
        if launcher.poll() is None:
            kill_machine(launcher)


@pytest.fixture(scope="module")
def undisturbed(lab):
    """A run of one process, long enough to be disturbed."""
    launcher = torchrun(lab, "undisturbed", "--nproc_per_node", "1")
    try:
        assert launcher.wait(_LIMIT) == 0, (lab / "undisturbed.log").read_text()
    finally:
        kill_all([launcher])
    return lab / "undisturbed"


@pytest.mark.endurance
def test_torchrun_starts_a_killed_process_again(lab, undisturbed):
    launcher = torchrun(lab, "restarted", "--nproc_per_node", "2", "--max-restarts", "3")
    try:
        for records in (15, 60):
            wait_for_records(lab / "restarted", records)
            os.kill(children(launcher.pid)[-1], signal.SIGKILL)
        assert launcher.wait(_LIMIT) == 0, (lab / "restarted.log").read_text()
    finally:
        kill_all([launcher])
    assert_close_run(undisturbed, lab / "restarted")


@pytest.mark.endurance
def test_a_machine_that_is_lost_is_done_without_and_a_new_one_joins(lab, undisturbed):
    """Two launchers stand for two machines; the one that holds the meeting place stays.

    With a shared store PyTorch 2.13's launcher does not tell one that joins where to go.
    """
    own_store = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    meeting = ["--nnodes", "1:2", "--nproc_per_node", "1", "--max-restarts", "9"]
    meeting += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:29581", "--rdzv-id", "lab"]
    meeting += ["--rdzv-conf", "last_call_timeout=3,keep_alive_interval=2,keep_alive_max_attempt=4"]
    log = lab / "elastic.log"
    launchers = [torchrun(lab, "elastic", *meeting, **own_store)]
    try:
        time.sleep(1)
        launchers.append(torchrun(lab, "elastic", *meeting, **own_store))
        wait_for_records(lab / "elastic", 20)
        kill_machine(launchers[1])
        wait_for_records(lab / "elastic", 50)
        launchers.append(torchrun(lab, "elastic", *meeting, **own_store))
        assert launchers[0].wait(_LIMIT) == 0, log.read_text()
    finally:
        kill_all(launchers)
    told = log.read_text()
    assert "the number of processes was 2, is 1" in told
    assert "the number of processes was 1, is 2" in told
    assert_close_run(undisturbed, lab / "elastic")
