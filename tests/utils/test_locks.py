"""A folder is one process's own, for as long as it lives: tried with real processes."""

import os
import signal
import subprocess
import sys

import pytest

from utils.locks import FolderLock, FolderTakenError

HOLD = """
import os, sys, time
from pathlib import Path
from utils.locks import FolderLock
lock = FolderLock(Path(sys.argv[1]))
if sys.argv[2] == "fork":  # as a data loader forks its workers
    child = os.fork()
    if not child:
        print("worker", os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
else:
    print("ready", os.getpid(), flush=True)
time.sleep(60)
"""


def hold(folder, how):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), how], stdout=subprocess.PIPE, text=True
    )
    return process, int(process.stdout.readline().split()[1])


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_another_process_is_refused_until_the_holder_is_killed(tmp_path, how):
    process, last = hold(tmp_path, how)
    try:
        with pytest.raises(FolderTakenError, match=rf"process {process.pid} is running here"):
            FolderLock(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock = FolderLock(tmp_path)  # though a worker may live on
        assert (tmp_path / "run.lock").read_text() == str(os.getpid())
        lock.release()
    finally:
        process.kill()
        process.stdout.close()
        if how == "fork":
            os.kill(last, signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


def test_release_leaves_what_was_there_and_removes_what_it_made(tmp_path):
    lock = FolderLock(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "run.lock").is_file()
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    used = FolderLock(tmp_path / "c" / "d")
    (tmp_path / "c" / "d" / "log.txt").touch()
    used.release()
    assert [path.name for path in (tmp_path / "c" / "d").iterdir()] == ["log.txt"]


def test_one_of_many_at_once_gets_it(tmp_path):
    """Takers race with a holder that releases: there is never more than one."""
    script = """
import sys, time
from pathlib import Path
from utils.locks import FolderLock, FolderTakenError
folder, end = Path(sys.argv[1]), time.monotonic() + 1
while time.monotonic() < end:
    try:
        lock = FolderLock(folder)
    except FolderTakenError:
        continue
    (folder.parent / "inside").open("x").close()
    (folder.parent / "inside").unlink()
    lock.release()
"""
    run = [sys.executable, "-c", script, str(tmp_path / "folder")]
    processes = [subprocess.Popen(run, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
