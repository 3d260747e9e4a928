"""A folder restored by several processes, killed and gone on with: each picture once, the same."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.forks import TOOLS, Run
from tools.restore import build_parser, main
from utils.command_line import run_tool
from utils.images import read_image, write_image

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and kills processes")

PLUGIN = """
import os, time
import torch
from torch import nn
from modeling import ARCHITECTURES
from modeling.descriptor import Descriptor

@ARCHITECTURES.register
class LabInvert(nn.Module):
    descriptor = Descriptor(channels=0)

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x):
        time.sleep(float(os.environ.get("SLOW", "0")))
        if x.shape[-1] == 13:
            raise MemoryError
        if x.shape[-1] == 11:
            os.kill(os.getpid(), 9)
        return self.one - x
"""


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "lab_parts.py").write_text(PLUGIN)
    config = json.dumps({"MODEL": {"NAME": "LabInvert"}, "PLUGINS": ["lab_parts"]})
    save_file({"one": torch.ones(())}, str(tmp_path / "lab.safetensors"), {"config": config})
    return tmp_path


def fill(lab, count):
    rng = np.random.default_rng(0)
    pictures = {}
    for number in range(count):
        name = f"{'deep/er/' if number % 3 else ''}{number:03d}.png"
        pictures[name] = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
        write_image(lab / "in" / name, pictures[name])
    return pictures


def start(lab, *words, rank=0, count=1, slow=0.0, limit=0):
    given = "in -o out --manifest done.jsonl --weights lab.safetensors --device cpu"
    told = {"RANK": str(rank), "WORLD_SIZE": str(count), "SLOW": str(slow)}
    return Run("restore", [*given.split(), "--plugin", "lab_parts", *words], lab, told, limit)


def restore(lab, *words, **options):
    run = start(lab, *words, **options)
    try:
        return run.wait()
    finally:
        run.kill()


def entries(lab):
    return [json.loads(line) for line in (lab / "done.jsonl").read_text().splitlines()[1:]]


def names_that_are(lab, state):
    return Counter(entry["file"] for entry in entries(lab) if entry["state"] == state)


def assert_all_restored(lab, pictures):
    """Every picture once, nothing beside them."""
    assert names_that_are(lab, "restored") == Counter(dict.fromkeys(pictures, 1))
    found = {path.relative_to(lab / "out").as_posix() for path in files_in(lab / "out")}
    assert found == set(pictures)
    for name, picture in pictures.items():
        assert np.array_equal(read_image(lab / "out" / name), 255 - picture)
    assert not list(lab.glob(".done*"))


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def wait_until_done(lab, count):
    limit = time.monotonic() + 60
    while not (lab / "done.jsonl").exists() or len(names_that_are(lab, "restored")) < count:
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_processes_share_a_folder_and_its_folders(lab):
    pictures = fill(lab, 12)
    runs = [start(lab, rank=rank, count=3) for rank in range(3)]
    ended = [run.wait() for run in runs]
    assert [one.returncode for one in ended] == [0, 0, 0], ended
    assert "failed, 0 finished before" in ended[0].stdout and "files/s" in ended[0].stdout
    assert_all_restored(lab, pictures)
    again = restore(lab)
    assert "0 restored, 0 failed, 12 finished before" in again.stdout
    (lab / "out" / "000.png").unlink()  # wanted again
    assert "1 restored, 0 failed, 11 finished before" in restore(lab).stdout


def test_a_file_may_have_any_name(lab):
    pictures = fill(lab, 1)
    for name in ("new\nline.png", "übér 写真.PNG", "[a]*?.png", "-o.png", os.fsdecode(b"\xff.png")):
        pictures[name] = np.full((24, 40, 3), len(name), np.uint8)
        write_image(lab / "in" / "ordinary.png", pictures[name])
        (lab / "in" / "ordinary.png").rename(lab / "in" / name)
    os.symlink("..", lab / "in" / "deep")
    ended = restore(lab, "--tile", "16")
    assert ended.returncode == 0, ended.stderr
    assert_all_restored(lab, pictures)
    assert "0 restored, 0 failed, 6 finished before" in restore(lab, "--tile", "16").stdout


def test_a_folder_that_cannot_be_read_is_named(lab, monkeypatch):
    fill(lab, 1)
    monkeypatch.chdir(lab / "in")
    for _ in range(20):  # deeper than a path may be long
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    os.chdir(lab)
    ended = restore(lab)
    assert ended.returncode == 2 and len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "cannot be read: File name too long" in ended.stderr
    assert not entries(lab)


def killed_and_gone_on(lab, pictures, done, ranks, slow):
    """Kill one of three processes amid the work, wait for the others, go on with `ranks`."""
    runs = [start(lab, rank=rank, count=3, slow=slow) for rank in range(3)]
    wait_until_done(lab, done)
    os.kill(runs[1].pid, signal.SIGKILL)
    assert [run.wait().returncode for run in runs] == [0, -signal.SIGKILL, 0]
    assert len(names_that_are(lab, "restored")) < len(pictures)
    runs = [start(lab, rank=rank, count=ranks) for rank in range(ranks)]
    assert [run.wait().returncode for run in runs] == [0] * ranks


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_killed_process_is_made_up_for_by_another_number_of_them(lab, ranks):
    pictures = fill(lab, 40)
    killed_and_gone_on(lab, pictures, done=6, ranks=ranks, slow=0.03)
    assert_all_restored(lab, pictures)


@pytest.mark.endurance
def test_thirty_kills_at_random_moments(lab):
    pictures = fill(lab, 400)
    rng = np.random.default_rng(5)
    for _ in range(30):
        count = int(rng.integers(1, 4))
        runs = [start(lab, rank=rank, count=count, slow=0.02) for rank in range(count)]
        time.sleep(0.5 + rng.exponential(0.7))
        for run in runs:
            run.kill()
    assert restore(lab).returncode == 0
    assert_all_restored(lab, pictures)


def test_a_poisoned_picture_is_recorded_and_passed_by(lab):
    pictures = fill(lab, 4)
    (lab / "in" / "torn.png").write_bytes((lab / "in" / "000.png").read_bytes()[:200])
    (lab / "in" / "text.jpg").write_text("hello")
    os.mkfifo(lab / "in" / "pipe.png")
    write_image(lab / "in" / "huge.png", np.zeros((12, 13, 1), np.uint8))
    write_image(lab / "out" / "there.png", there := np.zeros((2, 2, 1), np.uint8))
    write_image(lab / "in" / "there.png", there)
    ended = restore(lab)
    assert ended.returncode == 0, ended.stderr
    assert "4 restored, 5 failed, 0 finished before" in ended.stdout
    errors = {one["file"]: one["error"] for one in entries(lab) if one["state"] == "failed"}
    assert "damaged or incomplete" in errors["torn.png"]
    assert "is a pipe or a device" in errors["pipe.png"]
    assert "is not a PNG, JPEG" in errors["text.jpg"]
    assert "do not fit into the memory" in errors["huge.png"]
    assert "already there" in errors["there.png"]
    again = restore(lab)
    assert "0 restored, 0 failed, 9 finished before" in again.stdout
    write_image(lab / "in" / "torn.png", np.zeros((12, 20, 1), np.uint8))
    again = restore(lab, "--retry-failed", "--force")
    assert "2 restored, 3 failed, 4 finished before" in again.stdout
    assert names_that_are(lab, "restored") == Counter(
        dict.fromkeys([*pictures, "torn.png", "there.png"], 1)
    )


def test_a_picture_that_kills_its_process_is_passed_by_in_the_end(lab):
    write_image(lab / "in" / "deadly.png", np.zeros((12, 11, 1), np.uint8))
    pictures = fill(lab, 3)
    for _ in range(3):
        assert restore(lab).returncode == -signal.SIGKILL
    assert restore(lab).returncode == 0
    (failed,) = (entry for entry in entries(lab) if entry["state"] == "failed")
    assert failed["file"] == "deadly.png" and "3 processes ended amid it" in failed["error"]
    assert_all_restored(lab, pictures)


@pytest.mark.parametrize("limit", [500, 2000])
def test_a_full_disk_ends_the_run_which_can_go_on(lab, limit):
    """First what is recorded, then what is restored meets the end of the disk."""
    pictures = fill(lab, 12)
    if limit == 2000:
        big = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        pictures = {"big.png": big}
        (lab / "in").rename(lab / "other")
        write_image(lab / "in" / "big.png", big)
    ended = restore(lab, limit=limit)
    assert ended.returncode == 2
    assert "cannot be written" in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert not names_that_are(lab, "failed")
    for path in files_in(lab / "out"):
        assert ".tmp" not in path.name
        read_image(path)
    assert restore(lab).returncode == 0
    assert_all_restored(lab, pictures)


def test_refusals(lab):
    fill(lab, 2)
    (lab / "in" / "out").mkdir()
    for words, message in {
        ("--tile", "16"): None,
        ("--tile", "32"): "is of a run with tile 16, not 32",
        ("-o", "in/out"): "is inside in, where results would be restored again",
    }.items():
        ended = restore(lab, *words)
        if message is None:
            assert ended.returncode == 0, ended.stderr
        else:
            assert ended.returncode == 2 and message in ended.stderr, words
            assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (("in", "more", "--manifest", "a"), {}, "more: --manifest is of one folder"),
        (("in/000.png", "--manifest", "a"), {}, "is no folder; --manifest is of a folder"),
        (("in", "--ray", "2"), {}, "--ray: its processes share the work by --manifest"),
        (("in", "--retry-failed"), {}, "--retry-failed: failures are recorded with --manifest"),
        (("in",), {"WORLD_SIZE": "2", "RANK": "0"}, "several processes share the work by it"),
    ],
)
def test_words_that_do_not_fit(lab, monkeypatch, capsys, words, environment, message):
    fill(lab, 1)
    monkeypatch.chdir(lab)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run_tool(main, build_parser(), [*words, "-o", "out"]) == 2
    assert message in capsys.readouterr().err
    assert not (lab / "out").exists() and not (lab / "a").exists()


@pytest.mark.endurance
def test_ray_restores_and_goes_on(lab):
    pytest.importorskip("ray")
    pictures = fill(lab, 12)
    run = start(lab, slow=0.2)
    wait_until_done(lab, 3)
    run.kill()
    (lab / "in" / "torn.png").write_bytes(b"hello")
    given = "in -o out --manifest done.jsonl --weights lab.safetensors --device cpu --ray 2"
    words = [sys.executable, TOOLS / "restore.py", *given.split(), "--plugin", "lab_parts"]
    ended = subprocess.run(words, cwd=lab, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert f"{12 - before(ended.stdout)} restored, 1 failed" in ended.stdout
    assert_all_restored(lab, pictures)


def before(told):
    """How many files earlier runs finished, as a run tells it."""
    return int(re.search(r"(\d+) finished before", told)[1])
