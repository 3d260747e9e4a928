"""Labelled samples for classifiers, made of clean pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from data.samples import Sample, Samples, Source, check_degraded, to_depth, to_unit
from utils.images import to_8_bit

Representation = Callable[[np.ndarray], np.ndarray]


class Labeller(Protocol):
    """What a registered labeller offers.

    Attributes:
        classes: what the labels 0, 1, ... mean.
    """

    classes: tuple[str, ...]

    def __call__(self, image: np.ndarray, label: int, rng: np.random.Generator) -> np.ndarray:
        """A clean picture (H, W, C), float32 in [0, 1], as one of this label, of any size."""


class LabelledSamples(Samples):
    """Each picture of a data set once with every label, so that all labels are equally many.

    All of one picture's samples go through the same transforms and have the same random draws:
    what tells them apart is the label alone.

    Args:
        source: clean pictures.
        transforms: applied in order to the clean picture.
        labeller: makes a picture of a label of a clean one.
        representation: what a classifier sees of a picture.
        seed: with a key (epoch, index) it fixes every random draw of the sample.
        max_unreadable: as in `Samples`.
    """

    def __init__(
        self,
        source: Source,
        transforms: Sequence[Callable[..., Sample]],
        labeller: Labeller,
        representation: Representation,
        seed: int,
        max_unreadable: int = 0,
    ) -> None:
        super().__init__(source, transforms, [], seed, max_unreadable)
        self.labeller = labeller
        self.representation = representation

    def __len__(self) -> int:
        """Pictures times labels."""
        return len(self.source) * len(self.labeller.classes)

    def make(self, key: tuple[int, int]) -> Sample:
        """The sample of (epoch, index): `input`, uint8, `label`, `name` and `unreadable`.

        Raises:
            DataError, ImageError: as in `Samples`; or a part gives something else than a picture.
        """
        epoch, index = key
        picture, label = divmod(index, len(self.labeller.classes))
        sample, rng, unreadable = self._read(epoch, picture)
        sample = self._transform(sample, rng)
        name, clean = sample["name"], to_unit(sample["target"])
        labelled = self.labeller(clean, label, rng)
        check_degraded(labelled, clean.shape[2], name, f"labeller {type(self.labeller).__name__}")
        seen = represent(to_depth(labelled, np.uint8), self.representation)
        return {"input": seen, "label": label, "name": name, "unreadable": unreadable}


def represent(picture: np.ndarray, representation: Representation) -> np.ndarray:
    """What a classifier sees of a picture: in training, in evaluation, and of a user's file.

    Args:
        picture: (H, W, C), uint8 or uint16, gray, RGB or RGBA; transparency is not looked at.
        representation: a registered one.
    """
    return representation(to_8_bit_colours(picture))


def to_8_bit_colours(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, C), uint8 or uint16, as uint8 without transparency: gray or RGB."""
    return np.ascontiguousarray(to_8_bit(picture[..., :3]))
