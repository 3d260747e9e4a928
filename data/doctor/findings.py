"""What the doctor finds, and how it is told."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a finding is about, in the words of a summary."""

    PAIRING = "without its other half"
    UNREADABLE = "unreadable"
    SIZE = "of a wrong size"
    CHANNELS = "of wrong channels"
    MIXED = "unlike the rest of the set"
    SHARED = "shared with training"
    COPY = "copy of a training picture"
    VALIDATED = "shown by validation too"


# A run may well be meant to have these; the others no run survives, or none should.
BEARABLE = frozenset({Kind.MIXED, Kind.VALIDATED})


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one file.

    Attributes:
        split: train, val or test.
        file: the file.
        what: what is wrong; with the file's name in front it is a sentence.
        kind: what it is about.
    """

    split: str
    file: Path
    what: str
    kind: Kind

    def __str__(self) -> str:
        """One line: split, file, what."""
        return f"{self.split}: {self.file}: {self.what}"


@dataclass
class Report:
    """All findings, and what was looked at.

    Attributes:
        files: files looked at, by split.
        findings: what is wrong, split by split.
        unchecked: data sets that state no files, as "split: name".
        unnamed: splits that the config names no data set for.
    """

    files: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)

    def summary(self) -> list[str]:
        """A line for each split: how many files, and how many findings of each kind; or why not."""
        lines = []
        for split, files in self.files.items():
            kinds = Counter(f.kind for f in self.findings if f.split == split)
            told = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "clean"
            lines.append(f"{split}: {files:,} files: {told}")
        lines += [
            f"{place} states no files and was not checked (see data.inventory)"
            for place in self.unchecked
        ]
        lines += [
            f"{split}: DATASETS.{split.upper()}.NAME is empty: nothing was checked"
            for split in self.unnamed
        ]
        return lines
