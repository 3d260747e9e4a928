"""Batches of samples, made by processes of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import cv2
import torch
from torch.utils.data import DataLoader

from data.decoded.pictures import DecodedPictures
from data.sampler import EpochSampler, ShareSampler
from data.samples import Samples, collate
from data.transfer import Batch, sent_ahead
from utils.distributed import local_rank, rank, world_size
from utils.errors import DataError, ImageError, PellucidError
from utils.logging import get_logger

_ADVICE = "; repair or remove it, or let training skip such files: DATA.MAX_UNREADABLE"
_log = get_logger(__name__)


class Loader:
    """Batches of one split, epoch by epoch; of several processes, each has its share of them.

    Args:
        samples: what to load.
        sampler: which of them, in which order, and in which batches.
        workers: loader processes; 0 loads in this one.
        device: where batches will go; those for a CUDA device are sent there ahead.
        split: named in errors.
        pictures: what the samples are read through, to say when it keeps no more of them.
    """

    def __init__(
        self,
        samples: Samples,
        sampler: ShareSampler,
        workers: int,
        device: torch.device,
        split: str,
        pictures: DecodedPictures | None = None,
    ) -> None:
        self.samples = samples
        self.sampler = sampler
        self.split = split
        self._device = device
        self._pictures = pictures
        self._batches = DataLoader(
            samples,
            batch_sampler=sampler,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=device.type == "cuda",
            persistent_workers=workers > 0,
            worker_init_fn=_set_up_worker,
            # A generator of its own: else each epoch would advance torch's global one, and the
            # number of validations would change the training.
            generator=torch.Generator().manual_seed(0),
        )

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch to iterate next, from its `start`th sample on."""
        self.sampler.sampler.set_epoch(epoch, start)

    def __len__(self) -> int:
        """Batches in a whole epoch, the same in every process."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        """Batches: `input` and `target` (or `label`) NCHW, `name` a list of str.

        Beside them `count`, how many of the samples count (0 where there is one only to go along
        with the other processes), and `total`, how many do in all processes together.

        Raises:
            DataError: a sample could not be made; names split and picture.
        """
        return sent_ahead(self._made(), self._device)

    def _made(self) -> Iterator[Batch]:
        for number, batch in enumerate(self._batches):
            if isinstance(batch, PellucidError):
                advice = _ADVICE if self.split == "train" and _is_unreadable(batch) else ""
                raise DataError(f"{self.split}: {batch}{advice}")
            self._tell_refusal()
            batch["count"], batch["total"] = self.sampler.counts(number)
            yield batch

    def _tell_refusal(self) -> None:
        refusal = None if self._pictures is None else self._pictures.refusal()
        if refusal is not None and local_rank() == 0:
            _log.warning("%s; what is not kept is decoded at each reading", refusal)


def few_samples(loader: Loader, count: int) -> Loader:
    """A loader of a few of the samples that `loader` has, always the same ones, dealt out singly.

    They are an epoch of their own, 0, whose draws no other epoch has; loaded in this process.

    Args:
        loader: the training's.
        count: how many, at most.
    """
    all_of_them = loader.sampler.sampler
    few = EpochSampler(
        all_of_them.length, min(count, all_of_them.size), all_of_them.seed, all_of_them.shuffle
    )
    sampler = ShareSampler(few, world_size(), rank(), world_size(), fill=False)
    return Loader(
        loader.samples, sampler, workers=0, device=torch.device("cpu"), split=loader.split
    )


def _is_unreadable(error: PellucidError) -> bool:
    return isinstance(error, ImageError) and error.file is not None


def _set_up_worker(worker: int) -> None:
    """One thread per worker: the processes are the parallelism."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    # A worker that ends with another status, or by PyTorch's own handler, raises amid whatever the
    # training process does just then; torchrun and schedulers send SIGTERM to both.
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
