"""The training Job, its command run on two "nodes" here and stopped as Kubernetes stops pods."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.tools.killable import make_lab

ROOT = Path(__file__).resolve().parents[2]
JOB = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "training" / "job.yaml").read_text())
POD = JOB["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
PATIENCE = 120.0  # seconds; two processes that import PyTorch on a busy machine


def script(folder, port):
    """The container's script, with what only a cluster has put into this machine's terms."""
    (text,) = CONTAINER["args"]
    for inside, here in {
        "pellucid-training-0.pellucid-training": "127.0.0.1",
        "29500": str(port),
        "--nproc-per-node gpu": "--nproc-per-node 1",
        "exec torchrun": f"exec {sys.executable} -m torch.distributed.run",
        "tools/train_net.py": str(ROOT / "tools" / "train_net.py"),
    }.items():
        assert inside in text
        text = text.replace(inside, here)
    return text


class Pods:
    """Both pods of the Job."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.log = folder / "run" / "log.txt"
        words = ["sh", "-euc", script(folder, port)]
        own = {"CONFIG_FILE": "run.yml", "OUTPUT_DIR": "run", "NODES": "2", "OMP_NUM_THREADS": "1"}
        self.processes = [
            subprocess.Popen(
                words,
                cwd=folder,
                env={**os.environ, **own, "NODE": str(node)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for node in range(2)
        ]

    def wait_for(self, words):
        """Until these words are in the run's log."""
        end = time.monotonic() + PATIENCE
        while not self.log.exists() or words not in self.log.read_text():
            if any(pod.poll() is not None for pod in self.processes) or time.monotonic() > end:
                pytest.fail("\n".join(self.stop()))
            time.sleep(0.05)

    def stop(self):
        """End the second pod, as a drained node does; what both said."""
        self.processes[1].send_signal(signal.SIGTERM)
        return [pod.communicate(timeout=PATIENCE)[0] for pod in self.processes]


@pytest.mark.endurance
def test_a_stopped_run_is_saved_and_goes_on_when_its_pods_come_back(tmp_path):
    make_lab(tmp_path)
    config = (tmp_path / "run.yml").read_text()
    (tmp_path / "run.yml").write_text(config.replace("EPOCHS: 6", "EPOCHS: 5000"))
    first = Pods(tmp_path)
    first.wait_for("epoch 2")
    first.stop()
    assert all(pod.returncode for pod in first.processes)  # else the Job would think it is done
    assert (tmp_path / "run" / "checkpoints" / "last.pt").is_file()
    second = Pods(tmp_path)
    second.wait_for("going on")
    second.stop()


def test_the_job_counts_its_nodes_once():
    values = {entry["name"]: entry.get("value") for entry in CONTAINER["env"]}
    spec = JOB["spec"]
    assert int(values["NODES"]) == spec["completions"] == spec["parallelism"]
