"""What is measured: a config, and the pictures that are made up where no data set is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from config import Config
from engine.precision import resolve_device, resolve_precision
from modeling.build import build_network


@dataclass(frozen=True)
class Subject:
    """A config to be measured.

    Attributes:
        name: what tables call it.
        cfg: the whole config.
        height: of made-up pictures, in pixels; of targets, where there are input and target.
        width: likewise.
        tiles: sides of tiles that pictures are restored in as well.
        batch: pictures that are restored at once as well; 1 for one at a time only.
        restoring_precision: what restoring computes in; the config's is that of training.
        backend: what restores them, of `engine.backends.BACKENDS`; "plain" is the network as it
            is trained, in PyTorch.
    """

    name: str
    cfg: Config
    height: int = 512
    width: int = 512
    tiles: tuple[int, ...] = ()
    batch: int = 1
    restoring_precision: str = "auto"
    backend: str = "plain"

    @cached_property
    def device(self) -> torch.device:
        """Where it is measured."""
        return resolve_device(self.cfg.DEVICE)

    @cached_property
    def precision(self) -> str:
        """What its network computes in while it learns and is evaluated."""
        precisions = build_network(self.cfg).descriptor.precisions
        return resolve_precision(self.cfg.PRECISION, self.device, precisions)

    @property
    def size(self) -> str:
        """The size of made-up pictures, in words."""
        return f"{self.width}x{self.height}"

    def picture(self, number: int, channels: int) -> np.ndarray:
        """A made-up picture, (height, width, channels) uint8; another for each number."""
        shape = (self.height, self.width, channels)
        return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)
