"""Where the time of training goes, by phase over real epochs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from config import Config
from engine.benchmarks.timing import wait_for
from engine.precision import resolve_device
from engine.trainer import Trainer
from utils.phases import PhaseTime, clocked


def profile_phases(cfg: Config) -> list[PhaseTime]:
    """Train as `cfg` says, in a folder that goes again, and tell each phase's time, longest first.

    On CUDA each phase is waited for, so that it holds what it started on the device: the run is
    slower than it would be, by what would have happened at the same time.

    Raises:
        PellucidError: the run cannot be.
    """
    device = resolve_device(cfg.DEVICE)
    cfg = cfg.clone()
    with TemporaryDirectory(prefix="profile-") as folder:
        cfg.defrost()
        cfg.OUTPUT_DIR = str(Path(folder) / "run")
        cfg.freeze()
        trainer = Trainer(cfg)
        with clocked(lambda: wait_for(device)) as clock:
            trainer.train()
    return clock.times()
