"""Every part that a YAML can name: where, with which arguments, and what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
import yaml

import data
from config.text import inline
from engine.learners import LEARNERS
from engine.metrics import CLASSIFICATION_METRICS, METRICS
from modeling import ADVERSARIAL_LOSSES, ARCHITECTURES, CLASSIFIERS, DISCRIMINATORS, LOSSES
from solver import OPTIMIZERS, SCHEDULERS
from utils.errors import PartError
from utils.parameters import count_parameters
from utils.registry import REQUIRED, Registry, did_you_mean

_COLOURS = {0: "gray or colour", 1: "gray", 3: "colour"}


@dataclass(frozen=True)
class Kind:
    """A kind of part: what many of it are called, where a YAML names it, and its registry."""

    title: str
    place: str
    registry: Registry


KINDS = (
    Kind("Architectures", "MODEL", ARCHITECTURES),
    Kind("Classifiers", "MODEL", CLASSIFIERS),
    Kind("Losses", "LOSSES", LOSSES),
    Kind("Learners", "LEARNER", LEARNERS),
    Kind("Discriminators", "LEARNER.ARGS", DISCRIMINATORS),
    Kind("Adversarial losses", "LEARNER.ARGS", ADVERSARIAL_LOSSES),
    Kind("Data sets", "DATASETS", data.DATASETS),
    Kind("Transforms", "DATA.TRANSFORMS", data.TRANSFORMS),
    Kind("Degradations", "DATA.DEGRADATIONS", data.DEGRADATIONS),
    Kind("Labellers", "DATA.LABELLER", data.LABELLERS),
    Kind("Representations", "DATA.REPRESENTATION", data.REPRESENTATIONS),
    Kind("Optimizers", "SOLVER.OPTIMIZER", OPTIMIZERS),
    Kind("Schedules", "SOLVER.SCHEDULER", SCHEDULERS),
    Kind("Metrics", "METRICS", METRICS),
    Kind("Classification metrics", "METRICS", CLASSIFICATION_METRICS),
)


def find(pattern: str = "*") -> Iterator[tuple[Kind, list[str]]]:
    """The kinds that have parts whose names match a shell pattern, in any case, with those names.

    Raises:
        PartError: no part matches.
    """
    found = False
    for kind in KINDS:
        names = [
            name for name in kind.registry.names() if fnmatchcase(name.lower(), pattern.lower())
        ]
        if names:
            found = True
            yield kind, names
    if not found:
        known = {name for kind in KINDS for name in kind.registry.names()}
        raise PartError(f"no part is called {pattern!r}; {did_you_mean(pattern, known)}")


def default_of(value: Any) -> str:
    """A default as YAML; as Python shows it where no YAML says it."""
    try:
        return inline(value)
    except yaml.representer.RepresenterError:
        return repr(value)


def signature(registry: Registry, name: str) -> str:
    """`RandomCrop(size, scale=1.0)`: what ARGS may hold; an argument without default is needed."""
    arguments = (
        argument if default is REQUIRED else f"{argument}={default_of(default)}"
        for argument, default in registry.arguments(name).items()
    )
    return f"{name}({', '.join(arguments)})"


def architecture_facts(name: str) -> str:
    """What an architecture with its defaults states about itself.

    Empty where it needs arguments, or states nothing.

    Raises:
        PartError: there is no such architecture.
    """
    if REQUIRED in ARCHITECTURES.arguments(name).values():
        return ""
    with torch.device("meta"):  # shapes without memory: a large network costs nothing
        model = ARCHITECTURES.build(name)
    facts = getattr(model, "descriptor", None)
    if facts is None:
        return ""
    field = f"{facts.receptive_field} x {facts.receptive_field} pixels"
    words = [
        f"{count_parameters(model):,} parameters",
        f"scale {facts.scale}",
        _COLOURS[facts.channels],
        "sees the whole picture" if facts.global_context else f"sees {field}",
        f"on a grid of {facts.size_multiple}",
        ", ".join(facts.precisions),
    ]
    return "; ".join(words)
