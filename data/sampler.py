"""Which samples an epoch takes, in which order, and which of them are one process's own."""

from collections.abc import Iterator
from itertools import islice

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


class ShareSampler(Sampler[list[Key]]):
    """One process's share of each batch of an epoch; all processes together take the batch.

    A batch is dealt out in turn: its first key to rank 0, the second to rank 1. So the batches
    are the same however many processes there are.

    Args:
        sampler: the keys of the epoch.
        batch_size: samples of a batch, over all processes.
        rank: this process's number.
        world_size: how many processes there are.
        fill: give a process whose share of a short batch is empty that batch's first key, for it
            to go along with the others (`counts` says 0). False leaves the batch out.
    """

    def __init__(
        self, sampler: EpochSampler, batch_size: int, rank: int, world_size: int, fill: bool
    ) -> None:
        self.sampler = sampler
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size
        self.fill = fill

    def __iter__(self) -> Iterator[list[Key]]:
        """Keys of this process from each batch, from the sampler's start on."""
        keys = iter(self.sampler)
        while batch := list(islice(keys, self.batch_size)):
            share = batch[self.rank :: self.world_size]
            if share or self.fill:
                yield share or batch[:1]

    def counts(self, number: int) -> tuple[int, int]:
        """Samples of the `number`th batch from the sampler's start: this process's, and all."""
        left = self.sampler.size - self.sampler.start - number * self.batch_size
        size = min(self.batch_size, left)
        return len(range(self.rank, size, self.world_size)), size

    def __len__(self) -> int:
        """Batches in a whole epoch, the same in every process."""
        return -(-len(self.sampler) // self.batch_size)
