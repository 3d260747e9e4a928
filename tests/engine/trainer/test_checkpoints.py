"""The checkpoints in a run's folder, and who may write there."""

import os

import pytest

from engine.checkpoint import load_checkpoint
from engine.trainer import Trainer
from tests.comparison import assert_same
from tests.engine.trainer.small_runs import assert_same_run, last, run
from utils.errors import CheckpointError, PellucidError, TrainingError


def test_refuses_to_begin_where_a_run_is(make):
    cfg = make(SOLVER__EPOCHS=1)
    run(cfg)
    before = last(cfg)
    with pytest.raises(TrainingError, match="--resume, or choose another OUTPUT_DIR"):
        Trainer(cfg)
    assert_same(last(cfg), before)


def test_checkpoints_within_an_epoch_are_kept_in_a_bounded_number(make):
    cfg = make(CHECKPOINT__PERIOD=1, CHECKPOINT__KEEP=3)
    trainer = run(cfg)
    folder = trainer.output.last.parent
    found = {path.name: load_checkpoint(path)["position"] for path in folder.glob("*.pt")}
    assert found == {
        "last.pt": {"epoch": 3, "step": 0, "iteration": 6, "measured": True},
        "last-1.pt": {"epoch": 2, "step": 3, "iteration": 6, "measured": False},
        "last-2.pt": {"epoch": 2, "step": 2, "iteration": 5, "measured": False},
    }
    fewer = make(CHECKPOINT__KEEP=1, SOLVER__EPOCHS=3)
    run(fewer, resume=True)
    assert [path.name for path in folder.glob("*.pt")] == ["last.pt"]


def test_a_torn_checkpoint_is_refused_and_the_one_before_it_goes_on(make):
    whole, torn = make("whole", SOLVER__EPOCHS=3), make("torn", CHECKPOINT__PERIOD=2)
    run(whole)
    folder = run(torn).output.last.parent
    last_pt, before = folder / "last.pt", folder / "last-1.pt"
    last_pt.write_bytes(last_pt.read_bytes()[:-1000])
    torn.SOLVER.EPOCHS = 3
    with pytest.raises(CheckpointError, match=rf"{last_pt}: is no whole .*--resume-from {before}"):
        Trainer(torn, resume=True)
    with pytest.raises(TrainingError, match="a run is already there"):
        Trainer(torn)
    trainer = Trainer(torn, resume_from=before)
    assert not last_pt.exists()  # else it would push the whole one out
    trainer.train()
    torn.CHECKPOINT.PERIOD = whole.CHECKPOINT.PERIOD
    assert_same_run(whole, torn)
    last_pt.unlink()
    with pytest.raises(CheckpointError, match=rf"no such checkpoint; .*--resume-from {before}"):
        Trainer(torn, resume=True)


def test_goes_on_from_a_checkpoint_of_this_run_only(make, tmp_path):
    run(make(SOLVER__EPOCHS=1))
    other = make("other", SOLVER__EPOCHS=1, SEED=5)
    run(other)
    with pytest.raises(TrainingError, match="cannot go on with another SEED"):
        Trainer(make(), resume_from=f"{other.OUTPUT_DIR}/checkpoints/last.pt")
    (tmp_path / "foreign.pt").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="foreign.pt: is no whole checkpoint"):
        Trainer(make(), resume_from=tmp_path / "foreign.pt")
    with pytest.raises(TrainingError, match="no run to go on with"):
        Trainer(make("empty"), resume_from=tmp_path / "foreign.pt")
    assert not (tmp_path / "empty").exists()


def test_a_second_run_in_the_same_folder_is_refused(make):
    cfg = make()
    first = Trainer(cfg)
    for resume in (False, True):
        with pytest.raises(PellucidError, match=rf"process {os.getpid()} is running here"):
            Trainer(cfg, resume)
    first.train()
    run(cfg, resume=True)
    assert not (first.output.path / "run.lock").exists()


def test_what_a_killed_writer_left_is_removed(make):
    cfg = make(SOLVER__EPOCHS=1)
    folder = run(cfg).output.path
    files = sorted(folder.rglob("*"))
    for name in ("checkpoints/.0123456789abcdef.tmp.pt", "plots/.00000000000000ff.tmp.png"):
        (folder / name).write_bytes(b"half")
    run(cfg, resume=True)
    assert [path for path in sorted(folder.rglob("*")) if "tfevents" not in path.name] == [
        path for path in files if "tfevents" not in path.name
    ]
