"""What the tests of whole small runs share: parts that can fail, helpers."""

import os
import signal

import torch
from torch import nn

from engine.checkpoint import load_checkpoint
from engine.metrics import METRICS, PSNR
from engine.trainer import Trainer
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES, LOSSES
from tests.comparison import assert_same


@ARCHITECTURES.register
class TinyNet(nn.Module):
    """Draws at random while it learns, and remembers in which mode it was called."""

    def __init__(self, width=4):
        super().__init__()
        self.descriptor = Descriptor(channels=1)
        self.body = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Conv2d(width, 1, 3, padding=1)
        self.modes = []

    def forward(self, x):
        self.modes.append((torch.is_inference_mode_enabled(), self.training))
        return x + self.head(self.dropout(self.norm(self.body(x)).relu()))


@LOSSES.register
class SignallingL1(nn.L1Loss):
    """L1 that sends this process a signal when it is asked for the `call`th time."""

    number = signal.SIGTERM

    def __init__(self, call=0):
        super().__init__()
        self.calls, self.call = 0, call

    def forward(self, output, target):
        self.calls += 1
        if self.calls == self.call:
            os.kill(os.getpid(), self.number)
        return super().forward(output, target)


@LOSSES.register
class Broken(nn.Module):
    """Not a number from the `call`th time on."""

    def __init__(self, call):
        super().__init__()
        self.calls, self.call = 0, call

    def forward(self, output, target):
        self.calls += 1
        return (output - target).abs().mean() * (float("nan") if self.calls >= self.call else 1)


@LOSSES.register
class SometimesBroken(nn.Module):
    """Not a number the `calls`th times it is asked."""

    def __init__(self, calls):
        super().__init__()
        self.asked, self.calls = 0, calls

    def forward(self, output, target):
        self.asked += 1
        return (output - target).abs().mean() * (float("nan") if self.asked in self.calls else 1)


@METRICS.register
class Scripted(PSNR):
    """Gives the values it was told, one a validation."""

    def __init__(self, values):
        super().__init__()
        self.values = list(values)

    def compute(self, sums=None):
        return self.values.pop(0)


def run(cfg, resume=False):
    trainer = Trainer(cfg, resume)
    trainer.train()
    return trainer


def last(cfg):
    return load_checkpoint(f"{cfg.OUTPUT_DIR}/checkpoints/last.pt")


def assert_same_run(first, second):
    """All that decides how two runs would go on, and what they measured."""
    first, second = last(first), last(second)
    for state in (first, second):
        state.pop("config")
    assert_same(first, second)
