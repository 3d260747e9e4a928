"""What a data set states about its files, for whoever checks them (see `data.doctor`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from data.division import Division

TARGET_ONLY = ("target",)


class Problem(NamedTuple):
    """What is wrong with a file, as listing alone shows: it has no partner, its name is taken."""

    file: Path
    what: str


@dataclass(frozen=True)
class SampleFiles:
    """The files that a sample is read from.

    Attributes:
        target: the target's file.
        input: the input's, where it has one of its own.
        panels: what `target` holds, side by side from left to right, each of equal width.
        side: height and width that the target is resized to when it is read; None leaves it.
    """

    target: Path
    input: Path | None = None
    panels: Sequence[str] = TARGET_ONLY
    side: int | None = None

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [self.target] if self.input is None else [self.input, self.target]


@dataclass(frozen=True)
class Inventory:
    """Everything that a data set reads, and what is missing from it.

    Attributes:
        samples: the files of each sample.
        problems: files that belong to no sample but should.
        unchecked: names of the data sets that state no files.
        divisions: how data sets that divide themselves among splits have done so.
    """

    samples: list[SampleFiles] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    divisions: list[Division] = field(default_factory=list)

    @property
    def files(self) -> list[Path]:
        """Each file once, in the samples' order."""
        return list(dict.fromkeys(file for sample in self.samples for file in sample.files))


@runtime_checkable
class Inventoried(Protocol):
    """A data set that states its files."""

    def inventory(self) -> Inventory:
        """Its files, from listing folders only."""


def inventory_of(source: object) -> Inventory:
    """The inventory of any data set; one that states no files is named as unchecked."""
    if isinstance(source, Inventoried):
        return source.inventory()
    return Inventory(unchecked=[type(source).__name__])


def joined(inventories: Sequence[Inventory]) -> Inventory:
    """Several inventories as one."""
    return Inventory(
        samples=[sample for one in inventories for sample in one.samples],
        problems=[problem for one in inventories for problem in one.problems],
        unchecked=[name for one in inventories for name in one.unchecked],
        divisions=[division for one in inventories for division in one.divisions],
    )
