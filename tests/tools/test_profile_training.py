"""tools/profile_training.py tells each phase of a real epoch and leaves nothing behind."""

import re

from tests.forks import run
from tests.tools.killable import make_lab

PHASES = {"waiting for data", "to device", "forward", "backward", "optimizer", "validation"}
PHASES |= {"averaged weights", "meters", "logging", "checkpoints", "everything else"}
PHASES |= {"reading pictures", "augmenting"}  # in this process: WORKERS 0


def test_phases_of_an_epoch_make_up_the_whole(tmp_path):
    make_lab(tmp_path)
    before = {path for path in tmp_path.rglob("*") if "__pycache__" not in str(path)}
    ended = run("profile_training", "--config-file", "run.yml", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    rows = re.findall(r"^([a-z ]+?) +([\d.]+) +([\d.]+)% +([\d-]+)", ended.stdout, re.MULTILINE)
    assert {name for name, *_ in rows} == PHASES
    assert abs(sum(float(share) for _, _, share, _ in rows) - 100) < 1
    calls = {name: count for name, _, _, count in rows}
    assert calls["forward"] == "6"  # three steps, in two parts each
    left = {path for path in tmp_path.rglob("*") if "__pycache__" not in str(path)}
    printed = r"\.(out|err)\d+"  # where the test's own processes print; they are numbered through
    assert [path.name for path in left - before if not re.fullmatch(printed, path.name)] == []
