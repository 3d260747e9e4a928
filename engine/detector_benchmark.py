"""Detectors of pixelation under many conditions, side by side on the same pictures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from data.labelled import represent, to_8_bit_colours
from data.labellers.pixelation import Pixelation
from data.samples import to_depth, to_unit
from engine.detector import Detector
from engine.metrics.classification import Counts

FACTORS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # the last two are beyond what is trained on
DRAWN = (1.5, 4.0)


def _jpeg(quality: int) -> list[dict[str, Any]]:
    return [{"NAME": "JPEG", "ARGS": {"quality": quality}}]


def _enlarged(factor: float, method: str) -> list[dict[str, Any]]:
    return [{"NAME": "Rescale", "ARGS": {"factor": factor, "methods": [method]}}]


_HARMS: dict[str, list[dict[str, Any]]] = {
    "as it is": [],
    "JPEG, quality 90": _jpeg(90),
    "JPEG, quality 60": _jpeg(60),
    "JPEG, quality 30": _jpeg(30),
    "blurred, sigma 1": [{"NAME": "Blur", "ARGS": {"sigma": 1.0}}],
    "blurred, sigma 3": [{"NAME": "Blur", "ARGS": {"sigma": 3.0}}],
    "enlarged x2, bilinear": _enlarged(2.0, "bilinear"),
    "enlarged x3, bicubic": _enlarged(3.0, "bicubic"),
    "shrunk to half": _enlarged(0.5, "bilinear"),
}


@dataclass(frozen=True)
class Condition:
    """What happens to every picture before detectors see it.

    Attributes:
        name: in words.
        label: 1 where it is pixelated.
        labeller: does it.
    """

    name: str
    label: int
    labeller: Pixelation


@dataclass
class Tally:
    """How often detectors called pictures of a condition pixelated."""

    pictures: int = 0
    found: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, probability: float) -> None:
        """Count the verdict of the detector called `name`."""
        self.found[name] = self.found.get(name, 0) + (probability > 0.5)

    def rate(self, name: str) -> float:
        """The share of the pictures that it called pixelated."""
        return self.found[name] / self.pictures


def conditions() -> list[Condition]:
    """Clean pictures after several harms; pixelated ones by factor, also stored as JPEG."""
    clean = [Condition(name, 0, Pixelation(before=harm)) for name, harm in _HARMS.items()]
    drawn = Condition(f"pixelated x{DRAWN[0]:g} to x{DRAWN[1]:g}", 1, Pixelation(DRAWN))
    plain = [Condition(f"pixelated x{factor:g}", 1, Pixelation(factor)) for factor in FACTORS]
    stored = [
        Condition(f"pixelated x{factor:g}, JPEG 75", 1, Pixelation(factor, after=_jpeg(75)))
        for factor in FACTORS
    ]
    return [*clean, drawn, *plain, *stored]


def compare(
    detectors: Mapping[str, Detector],
    pictures: Iterable[np.ndarray],
    asked: Sequence[Condition],
    seed: int = 0,
) -> dict[str, Tally]:
    """Ask every detector about every picture under every condition.

    Args:
        detectors: by name.
        pictures: clean ones, HWC uint8 or uint16.
        asked: the conditions.
        seed: with a picture's and a condition's place it fixes what is drawn.

    Returns:
        By the conditions' names.
    """
    tallies = {condition.name: Tally() for condition in asked}
    for number, picture in enumerate(pictures):
        clean = to_unit(to_8_bit_colours(picture))
        for place, condition in enumerate(asked):
            rng = np.random.default_rng([seed, number, place])
            harmed = condition.labeller(clean, condition.label, rng)
            tally = tallies[condition.name]
            tally.pictures += 1
            for name, detector in detectors.items():
                tally.add(name, detector.probability(to_depth(harmed, np.uint8)))
    return tallies


def counts(tallies: Mapping[str, Tally], clean: str, pixelated: str, name: str) -> Counts:
    """A detector's right and wrong verdicts on one clean and one pixelated condition."""
    negative, positive = tallies[clean], tallies[pixelated]
    fp, tp = negative.found[name], positive.found[name]
    return Counts(tp, fp, negative.pictures - fp, positive.pictures - tp)


@dataclass(frozen=True)
class Speed:
    """Pictures a second, medians.

    Attributes:
        single: from a picture in memory to its verdict, one at a time.
        batch: of the network alone, many at a time.
    """

    single: float
    batch: float


def time_detector(
    detector: Detector, height: int, width: int, batch: int, repeats: int = 10
) -> Speed:
    """Time a detector on random pictures, after two uncounted rounds.

    Args:
        detector: the detector.
        height: of the single pictures.
        width: likewise.
        batch: pictures that the network is given at once.
        repeats: counted rounds.
    """
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    seen = np.stack([represent(picture, detector.representation)] * batch)
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(-2, repeats):
        for taken, work in zip(
            times,
            (lambda: detector.probability(picture), lambda: detector.probabilities(seen)),
            strict=True,
        ):
            began = time.perf_counter()
            work()
            if detector.device.type == "cuda":
                torch.cuda.synchronize(detector.device)
            if turn >= 0:
                taken.append(time.perf_counter() - began)
    single, many = map(statistics.median, times)
    return Speed(1 / single, batch / many)
