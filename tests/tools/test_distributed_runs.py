"""Several processes that train or test as one, over gloo: what they find is what one finds."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch

from engine.checkpoint import load_checkpoint, load_weights
from tests.forks import REPOSITORY
from tests.tools.killable import Starter, assert_same_run, make_lab, records

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and kills processes")

# Nothing in this network depends on how a batch is shared, as batch norm and dropout do.
PLAIN = """
import os
from torch import nn
from data.registries import TRANSFORMS
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES
from utils.errors import ImageError

@ARCHITECTURES.register
class PlainNet(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3, padding=1), nn.PReLU(), nn.Conv2d(4, 1, 1))
        self.descriptor = Descriptor(channels=1)

@TRANSFORMS.register
class Break:
    def __call__(self, sample, rng):
        if "7" in sample["name"]:
            raise ImageError("7.png: the file is damaged")
        return sample
"""
# Eleven samples in steps of 5, 5 and 1: shares of 3 and 2, in two parts each, and of 1 and none.
UNEVEN = ["DATA.EPOCH_SIZE", "11", "DATA.BATCH_SIZE", "5", "LOG.PERIOD", "1"]
PLAIN_RUN = ["PLUGINS", "[lab, plain]", "MODEL.NAME", "PlainNet", *UNEVEN]


class Pair:
    """Two processes that work as one."""

    def __init__(self, folder):
        self.folder = folder
        self.servers = [Starter(folder), Starter(folder)]

    def start(self, *words, second=None):
        """Start both; `second` is the environment of rank 1 alone. Gives their ids."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        return [
            server.start(*words, RANK=str(rank), **shared, **(second or {} if rank else {}))
            for rank, server in enumerate(self.servers)
        ]

    def wait(self):
        """Exit codes and outputs."""
        codes, outputs = zip(*(server.wait() for server in self.servers), strict=True)
        return list(codes), list(outputs)

    def run(self, *words, **options):
        """Start both and wait for their ends."""
        self.start(*words, **options)
        return self.wait()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    (folder / "plain.py").write_text(PLAIN)
    for half in ("input", "target"):
        (folder / "more" / half / "5.png").unlink()  # five pictures for two processes
    pair = Pair(folder)
    yield pair
    for server in pair.servers:
        server.close()


@pytest.fixture(scope="module")
def alone(pair):
    """The run of one process."""
    code, output = pair.servers[0].run(*PLAIN_RUN, *five_pictures(), "OUTPUT_DIR", "alone")
    assert code == 0, output
    return pair.folder / "alone"


def five_pictures():
    halves = ("input", "target")
    return [word for half in halves for word in (f"DATASETS.VAL.ARGS.{half}", f"more/{half}")]


def assert_close_run(first, second):
    """The same records and weights, but for the order in which floats were added."""
    rows = [records(folder) for folder in (first, second)]
    assert len(rows[0]) == len(rows[1])
    for one, two in zip(*rows, strict=True):
        # One pixel that is rounded to the other side moves a PSNR by more than its own error.
        limits = {key: 1e-3 if key == "val/psnr" else 1e-5 for key in one}
        assert list(one) == list(two)
        for key, value in one.items():
            assert two[key] == pytest.approx(value, abs=limits[key]), (key, one, two)
    states = [load_checkpoint(folder / "checkpoints" / "last.pt") for folder in (first, second)]
    for part in ("networks", "average"):
        one, two = (state[part]["model"] for state in states)
        for name, value in one.items():
            torch.testing.assert_close(two[name], value, rtol=0, atol=1e-5, msg=name)


def test_two_processes_find_what_one_does(pair, alone):
    words = [*PLAIN_RUN, *five_pictures(), "OUTPUT_DIR", "together"]
    codes, outputs = pair.run(*words)
    assert codes == [0, 0], outputs
    together = pair.folder / "together"
    assert_close_run(alone, together)
    names = [
        {path.relative_to(folder) for path in folder.rglob("*") if "tfevents" not in path.name}
        for folder in (alone, together)
    ]
    assert names[0] == names[1]
    best = [load_weights(f / "checkpoints" / "best.safetensors")[0] for f in (alone, together)]
    assert set(best[0]) == set(best[1])
    assert "2 processes" in outputs[0] and outputs[1] == ""


def test_a_run_goes_on_with_another_number_of_processes(pair, alone):
    words = [*PLAIN_RUN, *five_pictures(), "OUTPUT_DIR", "mixed"]
    codes, outputs = pair.run(*words, "SOLVER.EPOCHS", "2")
    assert codes == [0, 0], outputs
    code, output = pair.servers[1].run(*words, "--resume", "SOLVER.EPOCHS", "4")
    assert code == 0, output
    assert "the number of processes was 2, is 1" in output
    codes, outputs = pair.run(*words, "--resume")
    assert codes == [0, 0], outputs
    assert "the number of processes was 1, is 2" in outputs[0]
    assert_close_run(alone, pair.folder / "mixed")


def test_a_killed_pair_goes_on_to_the_same_bits(pair):
    codes, outputs = pair.run("OUTPUT_DIR", "whole")
    assert codes == [0, 0], outputs
    codes, outputs = pair.run("OUTPUT_DIR", "killed", second={"KILL": "train:13"})
    assert codes == [2, -signal.SIGKILL], outputs
    (last,) = [line for line in outputs[0].splitlines() if "error" in line]
    assert last.startswith("error: another process ended without saying why")
    codes, outputs = pair.run("OUTPUT_DIR", "killed", "--resume")
    assert codes == [0, 0], outputs
    assert_same_run(pair.folder / "whole", pair.folder / "killed")
    generators = load_checkpoint(pair.folder / "whole/checkpoints/last.pt")["generators"]
    assert not torch.equal(generators[0]["torch"], generators[1]["torch"])


def test_bad_numbers_in_one_process_are_skipped_in_both(pair):
    words = ["OUTPUT_DIR", "poisoned", "SOLVER.MAX_SKIPPED", "3"]
    codes, outputs = pair.run(*words, second={"POISON": "8"})
    assert all(codes), outputs
    (told,) = [line for line in "".join(outputs).splitlines() if "error" in line]
    assert re.search(r"the training pixel was not finite in \d steps in a row", told)
    state = load_checkpoint(pair.folder / "poisoned/checkpoints/last.pt")
    assert all(value.isfinite().all() for value in state["networks"]["model"].values())


def test_a_signal_to_one_stops_both_after_the_same_step(pair):
    processes = pair.start("OUTPUT_DIR", "stopped", "SOLVER.EPOCHS", "100000", "LOG.PERIOD", "1")
    measured, limit = pair.folder / "stopped" / "metrics.jsonl", time.monotonic() + 60
    while not (measured.is_file() and len(measured.read_text().splitlines()) > 4):
        assert time.monotonic() < limit
        time.sleep(0.05)
    os.kill(processes[1], signal.SIGTERM)
    codes, outputs = pair.wait()
    assert codes == [143, 143], outputs
    assert "stopped by SIGTERM" in outputs[0] and outputs[1] == ""
    step = load_checkpoint(pair.folder / "stopped/checkpoints/last.pt")["position"]["iteration"]
    assert f"after step {step};" in outputs[0]


@pytest.mark.endurance
def test_an_error_in_one_ends_torchruns_job_with_its_message(pair):
    broken = "[{NAME: Break}, {NAME: RandomCrop, ARGS: {size: 16}}]"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    tool = [str(REPOSITORY / "tools" / "train_net.py"), "--config-file", "run.yml"]
    done = subprocess.run(
        [*launcher, *tool, *PLAIN_RUN, "OUTPUT_DIR", "broken", "DATA.TRANSFORMS", broken],
        cwd=pair.folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert told.startswith("error: train: 7.png: the file is damaged")
    assert "closed by peer" not in done.stderr
    assert "7.png" in done.stderr.partition("Root Cause")[2]


def test_two_processes_measure_what_one_does(pair, alone, start_processes):
    weights = str(alone / "checkpoints" / "best.safetensors")
    tables = []
    for count in (1, 2):
        words = ["--config-file", "run.yml", *PLAIN_RUN, *five_pictures()]
        words += ["--weights", weights, "OUTPUT_DIR", f"test{count}", "VALIDATION.SAMPLES", "3"]
        for run in start_processes("test_net", words, count, pair.folder):
            ended = run.wait()
            assert ended.returncode == 0, ended.stderr
        folder = pair.folder / f"test{count}" / "test"
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        # Less each line's last word: what a picture took, which differs from run to run.
        found["table.txt"] = [line.split()[:-1] for line in found["table.txt"].splitlines()]
        tables.append(found)
    assert len(tables[0]["images.csv"].splitlines()) == 6
    assert tables[0] == tables[1]
