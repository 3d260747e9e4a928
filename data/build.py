"""From a config to batches on a device."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

import data
from config import Config
from data.datasets.files import MissingDataError
from data.decoded import DecodedPictures
from data.division import SPLITS
from data.inventory import inventory_of
from data.labelled import LabelledSamples, Labeller, Representation
from data.sampler import EpochSampler, ShareSampler
from data.samples import PICTURES, Sample, Samples, Source, collate
from utils.distributed import rank, world_size
from utils.errors import ConfigError, DataError, ImageError, PellucidError, some
from utils.registry import build_part

_ADVICE = "; repair or remove it, or let training skip such files: DATA.MAX_UNREADABLE"


class Loader:
    """Batches of one split, epoch by epoch; of several processes, each has its share of them.

    Args:
        samples: what to load.
        sampler: which of them, in which order, and in which batches.
        workers: loader processes; 0 loads in this one.
        pin: keep batches where a CUDA device can fetch them while it computes.
        split: named in errors.
    """

    def __init__(
        self,
        samples: Samples,
        sampler: ShareSampler,
        workers: int,
        pin: bool,
        split: str,
    ) -> None:
        self.samples = samples
        self.sampler = sampler
        self.split = split
        self._batches = DataLoader(
            samples,
            batch_sampler=sampler,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=pin,
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

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Batches: `input` and `target` (or `label`) NCHW on the CPU, `name` a list of str.

        Beside them `count`, how many of the samples count (0 where there is one only to go along
        with the other processes), and `total`, how many do in all processes together.

        Raises:
            DataError: a sample could not be made; names split and picture.
        """
        for number, batch in enumerate(self._batches):
            if isinstance(batch, PellucidError):
                advice = _ADVICE if self.split == "train" and _is_unreadable(batch) else ""
                raise DataError(f"{self.split}: {batch}{advice}")
            batch["count"], batch["total"] = self.sampler.counts(number)
            yield batch


def build_loader(cfg: Config, split: str, device: str | torch.device) -> Loader:
    """The loader of one split: shuffled, augmented batches to train, else whole pictures in order.

    Several processes share each training batch of DATA.BATCH_SIZE samples, and deal out pictures.

    Args:
        cfg: the whole config.
        split: "train", "val" or "test"; "test" is "val" where DATASETS.TEST has no NAME.
        device: where the batches will go; pictures are prepared on the CPU all the same.

    Raises:
        ConfigError: an option or part of the data room is wrong.
        DataError: the data set is missing or does not fit together.
    """
    if split == "test" and not cfg.DATASETS.TEST.NAME:
        split = "val"
    train = split == "train"
    _check(cfg)
    source = build_dataset(cfg, split)
    skippable = cfg.DATA.MAX_UNREADABLE if train else 0  # a figure is of all pictures
    samples = _samples(cfg, source, build_transforms(cfg) if train else [], skippable)
    size = cfg.DATA.EPOCH_SIZE if train else None
    sampler = EpochSampler(len(samples), size, cfg.SEED, shuffle=train)
    batch_size = cfg.DATA.BATCH_SIZE if train else world_size()  # one picture each
    return Loader(
        samples,
        ShareSampler(sampler, batch_size, rank(), world_size(), fill=train),
        workers=cfg.DATA.WORKERS,
        pin=torch.device(device).type == "cuda",
        split=split,
    )


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
    return Loader(loader.samples, sampler, workers=0, pin=False, split=loader.split)


def _samples(
    cfg: Config, source: Source, transforms: list[Callable[..., Sample]], skippable: int
) -> Samples:
    labeller = build_labeller(cfg)
    if labeller is None:
        return Samples(source, transforms, build_degradations(cfg), cfg.SEED, skippable)
    if cfg.DATA.DEGRADATIONS:
        raise ConfigError(
            "DATA.DEGRADATIONS: make inputs of targets, and labelled samples have none; "
            "put them into DATA.LABELLER.ARGS"
        )
    representation = build_representation(cfg)
    return LabelledSamples(source, transforms, labeller, representation, cfg.SEED, skippable)


def build_labeller(cfg: Config) -> Labeller | None:
    """What makes labelled samples of clean pictures, for a classifier; None where none is named.

    Raises:
        ConfigError: it is unknown, or its arguments are wrong.
    """
    if not cfg.DATA.LABELLER.NAME:
        return None
    return build_part(data.LABELLERS, cfg.DATA.LABELLER, "DATA.LABELLER")


def build_representation(cfg: Config) -> Representation:
    """What a classifier sees of a picture.

    Raises:
        ConfigError: none is named, it is unknown, or its arguments are wrong.
    """
    if not cfg.DATA.REPRESENTATION.NAME:
        known = ", ".join(data.REPRESENTATIONS.names())
        raise ConfigError(f"DATA.REPRESENTATION.NAME: is empty; known: {known}")
    return build_part(data.REPRESENTATIONS, cfg.DATA.REPRESENTATION, "DATA.REPRESENTATION")


def build_transforms(cfg: Config) -> list[Callable[..., Sample]]:
    """The augmentation of training samples, in order.

    Raises:
        ConfigError: naming the transform that is wrong.
    """
    return [
        build_part(data.TRANSFORMS, spec, f"DATA.TRANSFORMS.{position}")
        for position, spec in enumerate(cfg.DATA.TRANSFORMS)
    ]


def build_degradations(cfg: Config) -> list[Callable[..., np.ndarray]]:
    """What makes inputs of clean pictures, in order.

    Raises:
        ConfigError: naming the degradation that is wrong.
    """
    return [
        build_part(data.DEGRADATIONS, spec, f"DATA.DEGRADATIONS.{position}")
        for position, spec in enumerate(cfg.DATA.DEGRADATIONS)
    ]


def build_dataset(cfg: Config, split: str) -> Source:
    """The data set of one split, complete as far as listing its files shows.

    Raises:
        ConfigError: it has no name, or its name or arguments are wrong.
        DataError: it is missing (with DATASETS.HELP in the message), empty, or has files that
            should belong to a sample and do not.
    """
    source = open_dataset(cfg, split)
    if problems := inventory_of(source).problems:
        told = [f"{file}: {what}" for file, what in problems]
        raise DataError(f"{split}: {some(told, '; ')}; tools/check_data.py lists all that is wrong")
    if not len(source):
        raise DataError(f"{split}: data set {cfg.DATASETS[split.upper()].NAME} is empty")
    # Only data sets that decode files have something to keep.
    if cfg.DATASETS.CACHE and hasattr(source, "keep_decoded"):
        source.keep_decoded(DecodedPictures(cfg.DATASETS.CACHE_DIR))
    return source


def open_dataset(cfg: Config, split: str) -> Source:
    """The data set of one split as it is, for the doctor.

    Raises:
        ConfigError: it has no name, or its name or arguments are wrong.
        DataError: it is missing (with DATASETS.HELP in the message).
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, not one of {', '.join(SPLITS)}")
    key = f"DATASETS.{split.upper()}"
    spec = cfg.DATASETS[split.upper()]
    if not spec.NAME:
        raise ConfigError(f"{key}.NAME: is empty; known: {', '.join(data.DATASETS.names())}")
    try:
        return build_part(data.DATASETS, spec, key, channels=cfg.DATA.CHANNELS, split=split)
    except MissingDataError as error:
        if not cfg.DATASETS.HELP:
            raise
        raise DataError(f"{error}\n{cfg.DATASETS.HELP.strip()}") from error


def to_device(
    batch: dict[str, Any],
    device: str | torch.device,
    layout: torch.memory_format = torch.contiguous_format,
) -> dict[str, Any]:
    """A batch with its pictures on `device`, float32 in [0, 1], in the memory format `layout`.

    The one place where 8 bit becomes float: 255 is 1 exactly.
    """
    moved = dict(batch)
    if "label" in batch:
        moved["label"] = batch["label"].to(device, non_blocking=True)
    for half in PICTURES:
        if half not in batch:
            continue
        image = batch[half].to(device, non_blocking=True)
        if image.dtype == torch.uint8:
            image = image.to(torch.float32).div_(255)
        moved[half] = image.contiguous(memory_format=layout)
    return moved


def _check(cfg: Config) -> None:
    """Refuse numbers that no loader can work with."""
    if cfg.DATA.CHANNELS not in (1, 3):
        raise ConfigError(f"DATA.CHANNELS: is {cfg.DATA.CHANNELS}; it must be 1 or 3")
    if cfg.DATA.MAX_UNREADABLE < 0:
        raise ConfigError(
            f"DATA.MAX_UNREADABLE: is {cfg.DATA.MAX_UNREADABLE}; it must be at least 0"
        )
    if cfg.DATA.WORKERS < 0:
        raise ConfigError(f"DATA.WORKERS: is {cfg.DATA.WORKERS}; it must be at least 0")
    if cfg.DATA.BATCH_SIZE < 1:
        raise ConfigError(f"DATA.BATCH_SIZE: is {cfg.DATA.BATCH_SIZE}; it must be at least 1")
    if cfg.DATA.BATCH_SIZE < world_size():
        raise ConfigError(
            f"DATA.BATCH_SIZE: is {cfg.DATA.BATCH_SIZE}, over {world_size()} processes; it must "
            "give each at least 1"
        )
    if cfg.DATA.EPOCH_SIZE is not None and cfg.DATA.EPOCH_SIZE < 1:
        raise ConfigError(f"DATA.EPOCH_SIZE: is {cfg.DATA.EPOCH_SIZE}; it must be at least 1")


def _is_unreadable(error: PellucidError) -> bool:
    return isinstance(error, ImageError) and error.file is not None


def _set_up_worker(worker: int) -> None:
    """One thread per worker: the processes are the parallelism."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    # A worker that ends with another status, or by PyTorch's own handler, raises amid whatever the
    # training process does just then; torchrun and schedulers send SIGTERM to both.
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
