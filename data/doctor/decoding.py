"""Decoding every picture once: what is damaged, and what the pictures look like from afar."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data.doctor.findings import Finding
from data.doctor.headers import unreadable
from data.inventory import SampleFiles
from data.thumbnails import Panel, thumbnails_of
from utils.errors import ImageError


def decode_all(
    split: str, samples: Iterable[SampleFiles]
) -> tuple[dict[Path, np.ndarray], list[Finding]]:
    """Decode every file of a split.

    Returns:
        A gray thumbnail of each target, as `data.thumbnails` makes them; and a finding for each
        file that cannot be decoded to its end.
    """
    panels: dict[Path, Panel | None] = {}
    for sample in samples:
        panels[sample.target] = (sample.panels.index("target"), len(sample.panels))
        if sample.input is not None:
            panels.setdefault(sample.input, None)
    thumbnails: dict[Path, np.ndarray] = {}
    findings = []
    for file, result in thumbnails_of(panels, f"decode {split}"):
        if isinstance(result, ImageError):
            findings.append(unreadable(split, file, result))
        elif result is not None:
            thumbnails[file] = result
    return thumbnails, findings
