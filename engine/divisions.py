"""The record of how a run's data sets were divided: `split.json` in its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data.division import Division
from utils.errors import TrainingError
from utils.files import atomic_write_text

_DIGITS = 12  # of a share that are told: what 0.7 leaves is 0.30000000000000004


def write_divisions(path: Path, divisions: Sequence[Division]) -> None:
    """Write who got what: a list of places, each with its seed, shares and the names of samples.

    Raises:
        PellucidError: it cannot be written.
    """
    told = [_told(asdict(division)) for division in divisions]
    atomic_write_text(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def refuse_other_divisions(path: Path, divisions: Sequence[Division]) -> None:
    """A resumed run must not validate on samples that it has learnt from.

    Args:
        path: the run's record; where there is none, nothing was divided.
        divisions: how the data sets are divided now.

    Raises:
        TrainingError: a place that was divided is divided otherwise now, by other options or
            because its pictures are others, or the record cannot be read.
    """
    if not path.exists():
        return
    try:
        known = [_told(division) for division in json.loads(path.read_text(encoding="utf-8"))]
        places = {division["place"] for division in known}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TrainingError(f"{path}: is not the record of a run's split: {error}") from error
    now = [_told(asdict(division)) for division in divisions]
    for place in places:
        before = [division for division in known if division["place"] == place]
        after = [division for division in now if division["place"] == place]
        if after and before != after:
            raise TrainingError(
                f"{path}: {place} was divided otherwise when the run began; put its pictures, "
                "shares and seed back, or begin a new run in another OUTPUT_DIR"
            )


def _told(division: dict[str, Any]) -> dict[str, Any]:
    """A division with its shares as they were meant; they were drawn by as they are."""
    shares = {split: round(share, _DIGITS) for split, share in division["shares"].items()}
    return {**division, "shares": shares}
