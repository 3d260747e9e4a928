"""From a config to batches on a device."""

from collections.abc import Callable

import numpy as np
import torch

import data
from config import Config
from data.datasets.files import MissingDataError
from data.decoded.build import build_decoded
from data.division import SPLITS
from data.inventory import inventory_of
from data.labelled import LabelledSamples, Labeller, Representation
from data.loader import Loader
from data.sampler import EpochSampler, ShareSampler
from data.samples import Sample, Samples, Source
from utils.distributed import rank, world_size
from utils.errors import ConfigError, DataError, some
from utils.registry import build_part


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
    pictures = build_decoded(cfg)
    if pictures is not None and hasattr(source, "keep_decoded"):  # one that decodes files
        source.keep_decoded(pictures)
    samples = build_samples(cfg, source, train)
    size = cfg.DATA.EPOCH_SIZE if train else None
    sampler = EpochSampler(len(samples), size, cfg.SEED, shuffle=train)
    batch_size = cfg.DATA.BATCH_SIZE if train else world_size()  # one picture each
    return Loader(
        samples,
        ShareSampler(sampler, batch_size, rank(), world_size(), fill=train),
        workers=cfg.DATA.WORKERS,
        device=torch.device(device),
        split=split,
        pictures=pictures,
    )


def build_samples(cfg: Config, source: Source, train: bool) -> Samples:
    """What a data set's samples become, to train, or to validate and test.

    Raises:
        ConfigError: a part of the data room is wrong.
    """
    transforms = build_transforms(cfg) if train else []
    skippable = cfg.DATA.MAX_UNREADABLE if train else 0  # a figure is of all pictures
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
