"""Pictures that two splits have in common though their bytes differ (see `data.likeness`)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.doctor.findings import Finding, Kind
from data.likeness import Gallery


def copy_findings(
    split: str,
    thumbnails: Mapping[Path, np.ndarray],
    others: Mapping[Path, np.ndarray],
    earlier: str = "train",
) -> list[Finding]:
    """The pictures of `split` that show the same as one of another split's.

    Args:
        split: named in findings.
        thumbnails: (48, 48) float32 gray, by file.
        others: the same of the other split's pictures.
        earlier: the other split, train or val.
    """
    gallery = Gallery(others)
    kind = Kind.COPY if earlier == "train" else Kind.VALIDATED
    found = []
    bar = tqdm(thumbnails.items(), f"compare {split}", unit="file", leave=False, disable=None)
    for file, thumbnail in bar:
        for other, correlation in gallery.likes_of(thumbnail):
            what = f"shows the same as {earlier}'s {other} (correlation {correlation:.2f})"
            found.append(Finding(split, file, what, kind))
            break
    return found
