"""Samples ready for a batch: read, transformed, degraded; each a function of its key alone."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from utils.errors import DataError, ImageError, PellucidError, some
from utils.phases import phase

Sample = dict[str, Any]
PICTURES = ("input", "target")  # which of a sample's entries are pictures
_DEPTHS = (np.uint8, np.uint16)


class Source(Protocol):
    """What a registered data set offers."""

    def __len__(self) -> int:
        """How many samples there are."""

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        """`target`, maybe `input` (HWC uint8 or uint16), and `name` of one sample."""


class Samples(Dataset):
    """A data set with its transforms and degradations.

    Args:
        source: the data set.
        transforms: applied in order to the whole sample.
        degradations: applied in order to a copy of the target, where the source gives no input.
            One with a `scale` makes it that many times smaller.
        seed: with a key (epoch, index) it fixes every random draw of the sample.
        max_unreadable: different files that may be unreadable; the next readable sample stands in.
    """

    def __init__(
        self,
        source: Source,
        transforms: Sequence[Callable[..., Sample]],
        degradations: Sequence[Callable[..., np.ndarray]],
        seed: int,
        max_unreadable: int = 0,
    ) -> None:
        self.source = source
        self.transforms = list(transforms)
        self.degradations = list(degradations)
        self.seed = seed
        self.max_unreadable = max_unreadable
        self.scale = total_scale(self.degradations)

    def __len__(self) -> int:
        """How many different samples the source has."""
        return len(self.source)

    def __getitem__(self, key: tuple[int, int]) -> Sample | PellucidError:
        """The sample of (epoch, index), or the error that kept it from being made.

        An error is handed over as a value: raised in a worker, it would reach the user wrapped
        in that worker's traceback.
        """
        try:
            return self.make(key)
        except PellucidError as error:
            return error

    def make(self, key: tuple[int, int]) -> Sample:
        """The sample of (epoch, index): `input`, `target`, `name`, and `unreadable`.

        `unreadable` lists the files in whose place this sample stands.

        Raises:
            DataError: the sample does not fit the transforms, has no input, or stands for more
                unreadable files than are allowed.
            ImageError: a file cannot be read, and none may be skipped.
        """
        sample, rng, unreadable = self._read(*key)
        sample = self._transform(sample, rng)
        if "input" not in sample:
            sample = {**sample, "target": self._cropped(sample)}
            sample["input"] = self._degrade(sample, rng)
        return {**sample, "unreadable": unreadable}

    def _read(self, epoch: int, index: int) -> tuple[Sample, np.random.Generator, list[str]]:
        """A sample as the source gives it, its generator, and the files that were skipped for it.

        What stands in for an unreadable sample is a function of its key too: the next one, with
        draws of its own (for a source that draws what it reads).
        """
        unreadable: list[str] = []
        for attempt in range(len(self.source)):
            again = [attempt] if attempt else []
            rng = np.random.default_rng([self.seed, epoch, index, *again])
            try:
                sample = self.source.read((index + attempt) % len(self.source), rng)
            except ImageError as error:
                if error.file is None or not self.max_unreadable:
                    raise
                if error.file not in unreadable:
                    unreadable.append(error.file)
                if len(unreadable) > self.max_unreadable:
                    break
            else:
                return sample, rng, unreadable
        raise too_many_unreadable(unreadable, self.max_unreadable)

    @phase("augmenting")
    def _transform(self, sample: Sample, rng: np.random.Generator) -> Sample:
        for transform in self.transforms:
            halves = [half for half in PICTURES if half in sample]
            name, sample = sample["name"], transform(sample, rng)
            _check_transformed(sample, halves, name, type(transform).__name__)
        return sample

    def _cropped(self, sample: Sample) -> np.ndarray:
        """The target without the last rows and columns that make no whole pixel of an input.

        Raises:
            DataError: nothing remains.
        """
        target = sample["target"]
        height, width = (length - length % self.scale for length in target.shape[:2])
        if not height or not width:
            raise DataError(
                f"{sample['name']} is {_size(target)}, too small to be degraded {self.scale} times"
            )
        return target[:height, :width]

    @phase("degrading")
    def _degrade(self, sample: Sample, rng: np.random.Generator) -> np.ndarray:
        """The target's degraded copy, of the target's own depth."""
        if not self.degradations:
            raise DataError(
                f"{sample['name']} is a clean picture without an input; "
                "list degradations in DATA.DEGRADATIONS or use a data set of pairs"
            )
        image = to_unit(sample["target"])
        for degradation in self.degradations:
            image = degradation(image, rng)
            name, channels = type(degradation).__name__, sample["target"].shape[2]
            check_degraded(image, channels, sample["name"], f"degradation {name}")
        return to_depth(image, sample["target"].dtype)


def to_unit(picture: np.ndarray) -> np.ndarray:
    """An array of uint8 or uint16 as float32 in [0, 1]."""
    return picture.astype(np.float32) / np.float32(np.iinfo(picture.dtype).max)


def to_depth(image: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
    """A float32 array, clipped to [0, 1] and rounded, as whole numbers of a depth."""
    return np.rint(np.clip(image, 0.0, 1.0) * np.float32(np.iinfo(dtype).max)).astype(dtype)


def _check_transformed(sample: Any, halves: Sequence[str], name: str, transform: str) -> None:
    for half in halves:
        image = sample.get(half) if isinstance(sample, dict) else None
        if not isinstance(image, np.ndarray) or image.ndim != 3 or image.dtype not in _DEPTHS:
            raise DataError(
                f"{name}: transform {transform} must give a sample whose {half!r} is a picture "
                f"(H, W, C) of uint8 or uint16, but gives {_kind(image)}"
            )
    if "name" not in sample:
        raise DataError(f"{name}: transform {transform} must give a sample with its 'name'")


def _kind(image: object) -> str:
    if isinstance(image, np.ndarray):
        return f"an array of shape {image.shape} and {image.dtype}"
    return f"a {type(image).__name__}"


def check_degraded(image: object, channels: int, name: str, part: str) -> None:
    """What a part made of a picture must be one, of as many channels.

    Raises:
        DataError: it is not; naming the picture and the part.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != channels:
        raise DataError(
            f"{name}: {part} must give a picture (H, W, {channels}), but gives {_kind(image)}"
        )
    if not np.isfinite(image).all():
        raise DataError(f"{name}: {part} gives values that are not finite")


def total_scale(degradations: Sequence[Callable[..., np.ndarray]]) -> int:
    """How many times smaller than its target degradations make an input."""
    return math.prod(getattr(part, "scale", 1) for part in degradations)


def too_many_unreadable(files: Sequence[str], allowed: int) -> DataError:
    """The error that more files are unreadable than the config allows."""
    return DataError(
        f"{len(files)} training files cannot be read, where DATA.MAX_UNREADABLE allows {allowed}: "
        f"{some(files)}; repair or remove them (tools/check_data.py lists them all)"
    )


def collate(samples: Sequence[Sample | PellucidError]) -> dict[str, Any] | PellucidError:
    """Join samples into a batch, or hand on the first error among them.

    Returns:
        `input` and `target`, NCHW uint8 (float32 in [0, 1] where a picture has 16 bits), or
        `input` and `label`, int64; `name`, and `unreadable`, the files that were skipped.
    """
    made: list[Sample] = []
    for sample in samples:
        if isinstance(sample, PellucidError):
            return sample
        made.append(sample)
    names = [sample["name"] for sample in made]
    skipped = [file for sample in made for file in sample.get("unreadable", ())]
    batch: dict[str, Any] = {"name": names, "unreadable": list(dict.fromkeys(skipped))}
    for half in PICTURES:
        if half not in made[0]:
            continue
        images = [sample[half] for sample in made]
        for name, image in zip(names, images, strict=True):
            if image.shape != images[0].shape:
                return DataError(
                    f"{names[0]} and {name} cannot share a batch: their {half}s are "
                    f"{_size(images[0])} and {_size(image)}; add RandomCrop to DATA.TRANSFORMS"
                )
        batch[half] = _stack(images)
    if "label" in made[0]:
        batch["label"] = torch.tensor([sample["label"] for sample in made])
    return batch


def _stack(images: Sequence[np.ndarray]) -> torch.Tensor:
    """HWC arrays as one contiguous NCHW tensor."""
    height, width, channels = images[0].shape
    deep = any(image.dtype != np.uint8 for image in images)
    batch = np.empty((len(images), channels, height, width), np.float32 if deep else np.uint8)
    for row, image in zip(batch, images, strict=True):
        row[...] = image.transpose(2, 0, 1)
        if deep:
            row /= np.iinfo(image.dtype).max
    return torch.from_numpy(batch)


def _size(image: np.ndarray) -> str:
    height, width, channels = image.shape
    return f"{width}x{height}x{channels}"
