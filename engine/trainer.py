"""The training loop: batches to steps, epochs to validations, and all of it to disk."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

import config
from config import Config
from data.build import build_loader, to_device
from engine import checks
from engine.best import BestTracker
from engine.checkpoint import (
    load_checkpoint,
    load_into,
    load_weights,
    save_checkpoint,
    save_weights,
)
from engine.evaluator import Evaluation, Evaluator
from engine.generators import (
    generator_states,
    restore_generators,
    seed_everything,
    untouched_generators,
)
from engine.history import EPOCH, STEP, History
from engine.learners import LEARNERS
from engine.learners.supervised import TOTAL
from engine.meters import LossMeter
from engine.precision import resolve_device, resolve_precision
from engine.signals import Stopped, StopSignals
from engine.writers import Curves, JsonLines, LogLines, ProgressBar, SampleSheets, TensorBoard
from modeling.build import build_losses, build_model
from solver import build_optimizer, build_scheduler
from utils.errors import TrainingError
from utils.files import atomic_write_text
from utils.logging import get_logger, setup_logging
from utils.registry import build_part

_log = get_logger(__name__)


class Trainer:
    """One run of training, in its output folder.

    Args:
        cfg: the whole config.
        resume: go on from `checkpoints/last.pt` of OUTPUT_DIR instead of beginning a new run.

    Raises:
        PellucidError: the run cannot start: a wrong option, missing data, an occupied output
            folder, or a checkpoint that does not fit. Nothing has been written then.
    """

    def __init__(self, cfg: Config, resume: bool = False) -> None:
        self.cfg = cfg
        self.folder = Path(cfg.OUTPUT_DIR)
        self.last = self.folder / "checkpoints" / "last.pt"
        self.best_weights = self.folder / "checkpoints" / "best.safetensors"
        state, changes = self._read_state(resume)
        checks.refuse_overlap(cfg)
        checks.check_lengths(cfg)
        directions = checks.metric_directions(cfg)
        seed_everything(cfg.SEED)
        self.device = resolve_device(cfg.DEVICE)
        self._build_model()
        self._build_data_and_solver(directions)
        track = cfg.VALIDATION.TRACK
        self.tracker = BestTracker(track, directions[track], cfg.VALIDATION.PATIENCE)
        self.history = History()
        self.meter = LossMeter()
        self.bar = ProgressBar()
        self.epoch, self.step, self.iteration = 1, 0, 0  # epoch under way, steps in it, in all
        self.baseline: dict[str, float] = {}
        if state is not None:
            self._restore(state)
        self._open_folder(resume, changes)

    def train(self) -> None:
        """Train to the end of the run, or until validations stop getting better.

        Raises:
            TrainingError: a loss or the tracked metric is no longer finite.
            KeyboardInterrupt: Ctrl-C, after the run has been saved.
            SystemExit: SIGTERM, likewise, with code 143.
        """
        started = self.iteration
        with StopSignals() as stop:
            try:
                while not self.finished:
                    self._train_epoch(stop)
                    self._end_epoch(stop)
            except Stopped:
                self._save_and_leave(stop)
            finally:
                self.history.close()
        self._say_how_it_ended(started)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        between_epochs = self.step == 0
        return between_epochs and (self.iteration >= self.total or self.tracker.exhausted)

    # Setting up

    def _read_state(self, resume: bool) -> tuple[dict[str, Any] | None, list[str]]:
        if not resume:
            checks.refuse_occupied(self.last)
            return None, []
        if not self.last.exists():
            raise TrainingError(
                f"{self.last}: there is no run to go on with; leave --resume out, or set "
                "OUTPUT_DIR to the run's folder"
            )
        state = load_checkpoint(self.last)
        return state, checks.refuse_changes(state["config"], self.cfg, self.last)

    def _build_model(self) -> None:
        cfg = self.cfg
        model = build_model(cfg)
        checks.check_channels(cfg, model)
        if cfg.MODEL.WEIGHTS:
            load_into(model, load_weights(cfg.MODEL.WEIGHTS)[0], cfg.MODEL.WEIGHTS)
        self.precision = resolve_precision(cfg.PRECISION, self.device, model.descriptor.precisions)
        # NHWC is what the GPU's convolutions compute in; on the CPU it wins nothing.
        self._channels_last = self.device.type == "cuda"
        layout = torch.channels_last if self._channels_last else torch.contiguous_format
        self.model: nn.Module = model.to(self.device, memory_format=layout)
        self.losses = {
            name: (loss.to(self.device), weight)
            for name, (loss, weight) in build_losses(cfg).items()
        }
        self.learner = build_part(
            LEARNERS,
            cfg.LEARNER,
            "LEARNER",
            model=self.model,
            losses=self.losses,
            device=self.device,
            precision=self.precision,
        )
        self.evaluator = Evaluator(cfg, self.device, self.losses)

    def _build_data_and_solver(self, directions: Mapping[str, bool]) -> None:
        cfg = self.cfg
        self.train_loader = build_loader(cfg, "train", self.device)
        self.val_loader = build_loader(cfg, "val", self.device)
        steps = len(self.train_loader)
        self.total = cfg.SOLVER.ITERATIONS or cfg.SOLVER.EPOCHS * steps
        self.total_epochs = math.ceil(self.total / steps)
        self.optimizer = build_optimizer(cfg, self.model.parameters(), self.device)
        self.scheduler = build_scheduler(cfg, self.optimizer, self.total_epochs, steps, directions)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def _open_folder(self, resume: bool, changes: list[str]) -> None:
        cfg, folder = self.cfg, self.folder
        setup_logging(folder)
        atomic_write_text(folder / "config.yml", config.dump(cfg))
        keep_until = self.iteration if resume else None
        self.history.tell(
            LogLines(self.total_epochs, self.total),
            JsonLines(folder / "metrics.jsonl", keep_until),
            TensorBoard(folder, keep_until),
            Curves(folder / "plots" / "curves.png"),
            SampleSheets(folder / "samples"),
            self.bar,
        )
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        _log.info("%s: %s parameters", cfg.MODEL.NAME, f"{parameters:,}")
        _log.info(
            "device %s, precision %s, %d threads, process %d",
            self.device,
            self.precision,
            torch.get_num_threads(),
            os.getpid(),
        )
        _log.info(
            "%d steps an epoch, %d steps in all; %d validation pictures",
            len(self.train_loader),
            self.total,
            len(self.val_loader),
        )
        if resume:
            _log.info("going on from %s: epoch %d, step %d", self.last, self.epoch, self.step)
        for change in changes:
            _log.warning("since the run was saved: %s", change)

    # Training

    def _train_epoch(self, stop: StopSignals) -> None:
        self.model.train()  # a validation, or a learner, may have left it in eval
        self.bar.begin(f"epoch {self.epoch}/{self.total_epochs}", self._epoch_steps, self.step)
        began, first = time.perf_counter(), self.iteration
        for batch in self._batches(stop):
            self._take_step(batch)
            self.bar.advance()
            if self.iteration % self.cfg.LOG.PERIOD == 0:
                now = time.perf_counter()
                self._log_point((now - began) / (self.iteration - first))
                began, first = now, self.iteration
        self.bar.close()
        if stop.asked:
            raise Stopped

    @property
    def _epoch_steps(self) -> int:
        """Steps of the epoch under way; ITERATIONS may end the last one early."""
        before = self.iteration - self.step
        return min(len(self.train_loader), self.total - before)

    def _batches(self, stop: StopSignals) -> Iterator[dict[str, Any]]:
        """What is left of the epoch, until a signal asks to stop."""
        left = self._epoch_steps - self.step
        if left <= 0:
            return
        self.train_loader.set_epoch(self.epoch, self.step * self.cfg.DATA.BATCH_SIZE)
        try:
            for batch in self.train_loader:
                if stop.asked:
                    return
                yield batch
                left -= 1
                if left == 0 or stop.asked:
                    return
        except RuntimeError:
            if not stop.asked:  # else Ctrl-C reached a loader's worker before us
                raise

    def _take_step(self, batch: dict[str, Any]) -> None:
        batch = to_device(batch, self.device, self._channels_last)
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.learner.step(batch)
        self.scaler.scale(losses[TOTAL]).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.scheduler.step_iteration()
        self.meter.add(losses, len(batch["name"]))
        self.iteration += 1
        self.step += 1

    def _log_point(self, step_seconds: float) -> None:
        losses = self._finite(self.meter.read_window(), "training")
        values = {
            **_without_repeats(losses),
            "lr": self._lr,
            "speed": 1.0 / step_seconds,
            "eta": (self.total - self.iteration) * step_seconds,
        }
        self.history.put(STEP, self.epoch, self.iteration, values)

    @property
    def _lr(self) -> float:
        return self.optimizer.param_groups[0]["lr"]

    def _finite(self, losses: Mapping[str, float], which: str) -> dict[str, float]:
        for name, value in losses.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"the {which} {name} is {value} in epoch {self.epoch}, step {self.iteration}; "
                    "lower SOLVER.LR, or look for broken pictures"
                )
        return dict(losses)

    # Between epochs

    def _end_epoch(self, stop: StopSignals) -> None:
        losses = self._finite(self.meter.read_epoch(), "training")
        values = {f"train/{name}": value for name, value in _without_repeats(losses).items()}
        values["lr"] = self._lr
        last = self.iteration >= self.total
        evaluation = None
        if last or self.epoch % self.cfg.VALIDATION.PERIOD == 0:
            evaluation = self._validate(stop)
            measured = {**_without_repeats(evaluation.losses), **evaluation.metrics}
            values.update({f"val/{name}": value for name, value in measured.items()})
        self.history.put(EPOCH, self.epoch, self.iteration, values)
        if evaluation is not None:
            self._judge(evaluation)
        self.epoch, self.step = self.epoch + 1, 0
        self.meter.reset()
        self.save()

    def _validate(self, stop: StopSignals) -> Evaluation:
        with stop.at_once(), untouched_generators():
            evaluation = self.evaluator.evaluate(
                self.model, self.val_loader, baseline=not self.baseline
            )
        self._finite(evaluation.losses, "validation")
        for name, value in evaluation.metrics.items():
            if math.isnan(value):
                self._finite({name: value}, "validation")
        if evaluation.input_metrics:
            self.baseline = dict(evaluation.input_metrics)
            told = "  ".join(f"{name} {value:.5g}" for name, value in self.baseline.items())
            _log.info("validation without restoring (%s): %s", evaluation.input_name, told)
        return evaluation

    def _judge(self, evaluation: Evaluation) -> None:
        """Keep the best weights, and tell the schedule."""
        figures = {"loss": evaluation.losses["loss"], **evaluation.metrics}
        self.history.show(evaluation.samples, self.epoch, self.iteration)
        self.scheduler.step_validation(figures)
        if self.tracker.update(figures[self.tracker.metric], self.epoch):
            save_weights(
                self.best_weights,
                self.model,
                self.cfg,
                {
                    "epoch": self.epoch,
                    "iteration": self.iteration,
                    "tracked": self.tracker.metric,
                    "val": figures,
                    "input": self.baseline,
                    "protocol": evaluation.protocol,
                },
            )
            _log.info("best %s so far", self.tracker.metric)

    def _say_how_it_ended(self, started: int) -> None:
        best = self.tracker
        if self.iteration == started:
            _log.info("this run is complete already; a longer one needs more EPOCHS or patience")
        elif best.exhausted and self.iteration < self.total:
            _log.info("stopped early: %s did not get better %d times", best.metric, best.worse)
        if best.value is not None:
            _log.info(
                "best %s %.5g in epoch %d: %s",
                best.metric,
                best.value,
                best.epoch,
                self.best_weights,
            )

    # Saving and going on

    def save(self) -> None:
        """Write `checkpoints/last.pt`: everything needed to go on from this very step."""
        save_checkpoint(
            self.last,
            {
                "config": config.as_dict(self.cfg),
                "position": {
                    "epoch": self.epoch,
                    "step": self.step,
                    "iteration": self.iteration,
                },
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scheduler": self.scheduler.state_dict(),
                "scaler": self.scaler.state_dict(),
                "tracker": self.tracker.state_dict(),
                "history": self.history.state_dict(),
                "meter": self.meter.state_dict(),
                "baseline": self.baseline,
                "generators": generator_states(),
            },
        )

    def _restore(self, state: Mapping[str, Any]) -> None:
        load_into(self.model, state["model"], self.last)
        try:
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["scheduler"])
            if self.scaler.is_enabled() and state["scaler"]:
                self.scaler.load_state_dict(state["scaler"])
            self.tracker.load_state_dict(state["tracker"])
            self.history.load_state_dict(state["history"])
            self.meter.load_state_dict(state["meter"])
            self.baseline = dict(state["baseline"])
            position = state["position"]
            self.epoch, self.step = position["epoch"], position["step"]
            self.iteration = position["iteration"]
            restore_generators(state["generators"])
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{self.last}: cannot be gone on from: {error!r}") from error

    def _save_and_leave(self, stop: StopSignals) -> None:
        self.bar.close()
        self.save()
        _log.info(
            "stopped by %s in epoch %d after step %d; go on with --resume",
            stop.name,
            self.epoch,
            self.iteration,
        )
        stop.leave()


def _without_repeats(losses: Mapping[str, float]) -> dict[str, float]:
    """A single loss with weight 1 is its own sum: tell it once."""
    if len(losses) == 2 and len(set(losses.values())) == 1:
        return {TOTAL: losses[TOTAL]}
    return dict(losses)
