"""Which samples an epoch takes, and in which order."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

Key = tuple[int, int]


class EpochSampler(Sampler[Key]):
    """Keys (epoch, index) of one epoch.

    Args:
        length: samples in the data set.
        size: samples in an epoch; None takes each once. Beyond `length` the index runs on (the
            data set wraps it), so that a picture's second turn has draws of its own.
        seed: with the epoch's number it fixes the order.
        shuffle: False keeps the data set's order, in every epoch.
    """

    def __init__(self, length: int, size: int | None, seed: int, shuffle: bool) -> None:
        self.length = length
        self.size = length if size is None else size
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0
        self.start = 0

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch that the next iteration goes through, from its `start`th sample on."""
        self.epoch = epoch
        self.start = start

    def order(self) -> np.ndarray:
        """The indices of the whole epoch: a new permutation for each turn through the data."""
        turns = -(-self.size // self.length)
        if not self.shuffle:
            return np.arange(self.size)
        rng = np.random.default_rng([self.seed, self.epoch])
        order = [turn * self.length + rng.permutation(self.length) for turn in range(turns)]
        return np.concatenate(order)[: self.size]

    def __iter__(self) -> Iterator[Key]:
        """The keys from `start` on."""
        epoch = self.epoch
        return ((epoch, int(index)) for index in self.order()[self.start :])

    def __len__(self) -> int:
        """Samples in a whole epoch, wherever the iteration starts."""
        return self.size
