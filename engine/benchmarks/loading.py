"""How fast samples come, without anything that learns from them."""

from __future__ import annotations

from itertools import count

from data.build import build_loader
from engine.benchmarks.subject import Subject
from engine.benchmarks.timing import Work, wait_for


def loader_works(subject: Subject) -> list[Work]:
    """An epoch of training samples, on their way to the device; each round is another epoch.

    Raises:
        PellucidError: the data set is missing, or an option of it is wrong.
    """
    cfg, device = subject.cfg, subject.device
    loader = build_loader(cfg, "train", device)
    epochs = count()

    def run() -> None:
        loader.set_epoch(next(epochs))
        for _ in loader:
            pass
        wait_for(device)

    setting = (
        f"batch {cfg.DATA.BATCH_SIZE}",
        f"workers {cfg.DATA.WORKERS}",
        f"cache {cfg.DATASETS.CACHE}",
    )
    samples = loader.sampler.sampler.size
    return [Work("loader", subject.name, setting, run, samples, "sample")]
