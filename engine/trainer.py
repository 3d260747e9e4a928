"""The training loop: batches to steps, epochs to validations, and all of it to disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from torch import nn

from config import Config
from engine import checks
from engine.announcements import say_how_it_ended, say_what_begins, say_what_goes_on
from engine.assembly import assemble
from engine.checkpoint import (
    is_saved,
    load_checkpoint,
    load_last_checkpoint,
    remove_torn,
    save_checkpoint,
    save_weights,
)
from engine.divisions import refuse_other_divisions
from engine.evaluator import Evaluation
from engine.guard import refuse_bad_steps
from engine.history import EPOCH, STEP, History
from engine.meters import LossMeter, Reading, told, without_repeats
from engine.output import OutputFolder
from engine.position import Position
from engine.run_state import Stateful, give_back, take_state
from engine.signals import Stopped, StopSignals, until_stopped
from engine.step import MODEL, Batch
from engine.unreadable import UnreadableFiles
from engine.validation import Validation
from engine.writers import ProgressBar
from utils.distributed import barrier, from_main, is_main
from utils.logging import get_logger
from utils.phases import phase

_log = get_logger(__name__)


class Trainer:
    """One run of training, in its output folder.

    Args:
        cfg: the whole config.
        resume: go on from `checkpoints/last.pt` of OUTPUT_DIR instead of beginning a new run.
        resume_from: go on with the run of OUTPUT_DIR from this checkpoint instead.
        or_begin: with `resume`, begin where no run has been saved yet.

    Raises:
        PellucidError: the run cannot start: a wrong option, missing data, an output folder that
            is occupied or where another process is running, or a checkpoint that does not fit.
            Nothing has been written then.
    """

    def __init__(
        self,
        cfg: Config,
        resume: bool = False,
        resume_from: str | Path | None = None,
        or_begin: bool = False,
    ) -> None:
        self.cfg = cfg
        self.output = OutputFolder(cfg.OUTPUT_DIR)
        self.position = Position()
        self.history = History()
        self._unreadable = UnreadableFiles(cfg.DATA.MAX_UNREADABLE)
        self._bar = ProgressBar()
        self.output.claim()
        try:
            if resume_from is not None:
                self._go_on(Path(resume_from))
            elif resume and not (or_begin and from_main(lambda: not is_saved(self.output.last))):
                self._go_on(self.output.last)
            else:
                self._begin()
        except BaseException:
            self.output.release()
            raise

    def train(self) -> None:
        """Train to the end of the run, or until validations stop getting better.

        Raises:
            TrainingError: a loss or a metric is no longer a number.
            KeyboardInterrupt: Ctrl-C, after the run has been saved.
            SystemExit: SIGTERM, likewise, with code 143.
        """
        first = self.position.iteration
        with StopSignals() as stop, ExitStack() as leaving:
            for close in (self.output.release, self.history.close, self._bar.close):
                leaving.callback(close)  # each of them, though one may fail
            try:
                while not self.finished:
                    self._train_epoch(stop)
                    self._end_epoch(stop)
            except Stopped:
                self._save_and_leave(stop)
        self._unreadable.tell()
        say_how_it_ended(self.parts, self.position, first, self.output.best)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        at_the_end = self.position.iteration >= self.parts.iterations
        return self.position.measured and (at_the_end or self.parts.tracker.exhausted)

    @phase("checkpoints")
    def save(self) -> None:
        """Write `checkpoints/last.pt`: everything needed to go on from this very step.

        All processes call it, and the main one writes.

        Raises:
            PellucidError: it cannot be written, or the last steps went wrong; the one before it
                stays.
        """
        self._refuse_bad(self._meter.peek())
        state = take_state(self.cfg, self._networks, self._stateful())
        if is_main():
            save_checkpoint(self.output.last, state, self.cfg.CHECKPOINT.KEEP)

    # An epoch

    def _train_epoch(self, stop: StopSignals) -> None:
        self.parts.model.train()  # a validation, or a part from outside, may have left it in eval
        position = self.position
        title = f"epoch {position.epoch}/{self.parts.epochs}"
        self._bar.begin(title, self._steps_in_epoch(), position.step)
        began, first = time.perf_counter(), position.iteration
        for batch in self._batches(stop):
            self._take_step(batch)
            self._bar.advance()
            if position.iteration % self.cfg.LOG.PERIOD == 0:
                now = time.perf_counter()
                self._log_point((now - began) / (position.iteration - first))
                began, first = now, position.iteration
            if position.iteration % self.cfg.CHECKPOINT.PERIOD == 0:
                self.save()
        self._bar.close()
        if stop.agreed():
            raise Stopped

    def _steps_in_epoch(self) -> int:
        """Steps of the epoch under way; ITERATIONS may end the last one early."""
        before = self.position.iteration - self.position.step
        return min(len(self.parts.train_loader), self.parts.iterations - before)

    def _batches(self, stop: StopSignals) -> Iterator[Batch]:
        """What is left of the epoch: nothing, where a run stopped in the validation after it."""
        loader, step = self.parts.train_loader, self.position.step
        loader.set_epoch(self.position.epoch, step * self.cfg.DATA.BATCH_SIZE)
        return until_stopped(loader, self._steps_in_epoch() - step, stop)

    def _take_step(self, batch: Batch) -> None:
        parts = self.parts
        self._unreadable.note(batch.pop("unreadable"))
        taken = parts.step.take(batch)
        if parts.average is not None:
            parts.average.update(parts.model, taken.skipped[MODEL])
        self._meter.add(taken.losses, taken.samples, taken.any_skipped)
        self.position.advance()

    @phase("logging")
    def _log_point(self, step_seconds: float) -> None:
        reading = self._meter.read_window()
        self._refuse_bad(reading)
        values = {
            **told(reading),
            "lr": self._lr(),
            "speed": 1.0 / step_seconds,
            "eta": (self.parts.iterations - self.position.iteration) * step_seconds,
        }
        self.history.put(STEP, self.position.epoch, self.position.iteration, values)

    def _refuse_bad(self, reading: Reading) -> None:
        refuse_bad_steps(reading, self.cfg.SOLVER.MAX_SKIPPED, self.position)

    def _lr(self) -> float:
        return self.parts.updates[MODEL].lr

    # Between epochs

    def _end_epoch(self, stop: StopSignals) -> None:
        position = self.position
        self._unreadable.join()
        reading = self._meter.read_epoch()
        self._refuse_bad(reading)
        values = {f"train/{name}": value for name, value in told(reading).items()}
        values["lr"] = self._lr()
        evaluation = None
        last = position.iteration >= self.parts.iterations
        if last or position.epoch % self.cfg.VALIDATION.PERIOD == 0:
            evaluation, learnt = self._validation.measure(position, stop)
            measured = {**without_repeats(evaluation.losses), **evaluation.metrics}
            values.update({f"train/{name}": value for name, value in learnt.items()})
            values.update({f"val/{name}": value for name, value in measured.items()})
        self.history.put(EPOCH, position.epoch, position.iteration, values)
        if evaluation is not None:
            self._judge(evaluation)
        whole = position.step >= len(self.parts.train_loader)
        position.end_epoch(whole)
        if whole:
            self._meter.reset()
        self.save()

    def _judge(self, evaluation: Evaluation) -> None:
        """Show pictures, tell the schedule, and keep the weights if they are the best."""
        position, tracker = self.position, self.parts.tracker
        figures = {"loss": evaluation.losses["loss"], **evaluation.metrics}
        self.history.show(evaluation.samples, position.epoch, position.iteration)
        for update in self.parts.updates.values():
            update.scheduler.step_validation(figures)
        if not tracker.update(figures[tracker.metric], position.epoch):
            return
        metrics = {
            "epoch": position.epoch,
            "iteration": position.iteration,
            "tracked": tracker.metric,
            "val": figures,
            "input": self._validation.baseline,
            "protocol": evaluation.protocol,
        }
        if is_main():
            save_weights(self.output.best, self.parts.judged, self.cfg, metrics)
        _log.info("best %s so far", tracker.metric)

    # Beginning, going on, and leaving

    def _begin(self) -> None:
        if is_main():
            checks.refuse_occupied(self.output.last)
        self._assemble(from_weights=True)
        self._tell_writers(None)
        say_what_begins(self.parts, self.cfg.MODEL.NAME)

    def _go_on(self, checkpoint: Path) -> None:
        last = self.output.last
        state = from_main(lambda: _read(checkpoint, last))
        changes = checks.refuse_changes(state, self.cfg, checkpoint)
        self._assemble(from_weights=False)
        if is_main():
            refuse_other_divisions(self.output.split, self.parts.divisions)
        give_back(state, self._networks, self._stateful(), checkpoint)
        self._tell_writers(self.position)
        say_what_begins(self.parts, self.cfg.MODEL.NAME)
        say_what_goes_on(checkpoint, self.position, changes)
        if checkpoint != last and is_main():
            remove_torn(last)

    def _assemble(self, from_weights: bool) -> None:
        self.parts = assemble(self.cfg, from_weights)
        self._meter = LossMeter(self.parts.device)
        self._validation = Validation(self.parts)

    def _tell_writers(self, done: Position | None) -> None:
        parts = self.parts
        length = (parts.epochs, parts.iterations)
        writers = self.output.open(self.cfg, *length, parts.divisions, done)
        self.history.tell(*writers, self._bar)

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {name: update.network for name, update in self.parts.updates.items()}

    def _stateful(self) -> dict[str, Stateful]:
        """What has a state of its own to be saved, by its name in the checkpoint."""
        return {
            "position": self.position,
            "tracker": self.parts.tracker,
            "history": self.history,
            "meter": self._meter,
            "unreadable": self._unreadable,
            "baseline": self._validation,
            **{f"update of {name}": update for name, update in self.parts.updates.items()},
            **({} if self.parts.average is None else {"average": self.parts.average}),
        }

    def _save_and_leave(self, stop: StopSignals) -> None:
        self._bar.close()
        self.save()
        barrier()  # nobody leaves while the main process writes
        place = (stop.name, self.position.epoch, self.position.iteration)
        _log.info("stopped by %s in epoch %d after step %d; go on with --resume", *place)
        stop.leave()


def _read(checkpoint: Path, last: Path) -> dict[str, Any]:
    checks.refuse_absent(last)
    return load_last_checkpoint(last) if checkpoint == last else load_checkpoint(checkpoint)
