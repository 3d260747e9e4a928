"""What a run says of itself when it begins and when it ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.assembly import Parts
from engine.position import Position
from utils.distributed import world_size
from utils.logging import get_logger
from utils.parameters import count_parameters

_log = get_logger(__name__)


def say_what_begins(parts: Parts, architecture: str) -> None:
    """Tell what is trained, on what, and for how long."""
    _log.info("%s: %s parameters", architecture, f"{count_parameters(parts.model):,}")
    how = (parts.device, parts.precision, torch.get_num_threads(), os.getpid())
    _log.info("device %s, precision %s, %d threads, process %d", *how)
    if world_size() > 1:
        _log.info("%d processes, each with its share of every batch", world_size())
    sizes = (len(parts.train_loader), parts.iterations, len(parts.val_loader.samples))
    _log.info("%d steps an epoch, %d in all; %d validation pictures", *sizes)


def say_what_goes_on(checkpoint: Path, position: Position, changes: Sequence[str]) -> None:
    """Tell where a run is taken up again, and which options differ now."""
    place = (checkpoint, position.epoch, position.step)
    _log.info("going on from %s: epoch %d, step %d", *place)
    for change in changes:
        _log.info("since the run was saved: %s", change)


def say_how_it_ended(parts: Parts, position: Position, first: int, best: Path) -> None:
    """Tell why a run is over, and where its best weights are.

    Args:
        parts: what the run was made of.
        position: where it ended.
        first: the step it began, or went on, from.
        best: the weights file.
    """
    tracker = parts.tracker
    if tracker.exhausted and position.iteration < parts.iterations:
        told = (tracker.metric, tracker.worse)
        _log.info("stopped early: %s did not get better in %d validations", *told)
    elif position.iteration == first:
        _log.info("this run was complete already; raise its length in SOLVER to go on")
    if tracker.value is not None:
        found = (tracker.metric, tracker.value, tracker.epoch, best)
        _log.info("best %s %.5g in epoch %d: %s", *found)
