"""How long restoring takes, from a picture in memory to a restored one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from engine.backends import device_for, run_by
from engine.benchmarks.subject import Subject
from engine.benchmarks.timing import Work, wait_for
from engine.model_files import StoredModel
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from modeling.build import build_model
from utils.parameters import count_parameters


def restoring_works(subject: Subject) -> list[Work]:
    """One picture at a time: whole, in tiles where asked for; and a batch of them, likewise.

    Weights are random: they do not change the time.

    Raises:
        ConfigError: an option is wrong, or the config is a classifier's.
    """
    model = build_model(subject.cfg)
    restorer = _restorer(subject, model)
    told = (subject.size, restorer.precision, f"{count_parameters(model):,} parameters")
    pictures = [
        subject.picture(number, restorer.descriptor.channels or 1)
        for number in range(subject.batch)
    ]

    def work(setting: str, items: int, restore: Callable[[], object]) -> Work:
        def run() -> None:
            restore()
            wait_for(restorer.device)

        words = (setting, *told)
        return Work("restoring", subject.name, words, run, items, "picture", restorer.device)

    works = [work("batch 1", 1, lambda: restorer.restore(pictures[0]))]
    for tile in subject.tiles:
        whole = partial(restorer.restore, pictures[0], options=RestoreOptions(tile))
        works.append(work(f"tile {tile}", 1, whole))
    if subject.batch > 1:
        names = [str(number) for number in range(subject.batch)]
        many = partial(restorer.restore_many, pictures, names)
        works.append(work(f"batch {subject.batch}", subject.batch, many))
    return works


def _restorer(subject: Subject, model: nn.Module) -> Restorer:
    cfg = subject.cfg
    if subject.backend == "plain":
        return Restorer(model, cfg.DEVICE, subject.restoring_precision)
    device = device_for(subject.backend, cfg.DEVICE)
    with TemporaryDirectory() as folder:  # a graph of random weights is not worth keeping
        stored = StoredModel(model, cfg, {})
        return Restorer(run_by(subject.backend, stored, device, Path(folder)), device)
