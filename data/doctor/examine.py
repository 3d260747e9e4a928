"""The order of an examination: list, read headers, compare, and if asked decode."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from config import Config
from data.build import SPLITS, build_degradations, build_transforms, open_dataset
from data.doctor.copies import copy_findings
from data.doctor.decoding import decode_all
from data.doctor.findings import BEARABLE, Finding, Kind, Report
from data.doctor.headers import (
    crop_findings,
    mixed_findings,
    pair_findings,
    read_headers,
    size_findings,
)
from data.doctor.shared import shared_findings
from data.inventory import Inventory, inventory_of
from data.samples import total_scale
from utils.distributed import from_main, is_main
from utils.errors import ConfigError, DataError
from utils.logging import get_logger

_SHOWN = 10  # findings that a message lists

_log = get_logger(__name__)


def examine(
    cfg: Config,
    scale: int,
    splits: Sequence[str] = SPLITS,
    decode: bool = False,
    thorough: bool = False,
) -> Report:
    """Look at every picture of the data sets that `cfg` names.

    Args:
        cfg: the whole config; splits without a NAME are left out.
        scale: how many times larger than its input a target is; the architecture states it.
        splits: which of train, val and test.
        decode: decode every picture to its end, instead of reading headers only.
        thorough: decode, and also look for copies of training pictures whose bytes differ.

    Returns:
        All that is wrong, split by split.

    Raises:
        ConfigError: no split has a NAME, a part is named wrongly, or DATA.DEGRADATIONS make
            inputs of another scale than the architecture's.
        DataError: a data set is missing altogether.
    """
    named = [split for split in splits if cfg.DATASETS[split.upper()].NAME]
    # Without a NAME the test split is the validation's.
    unnamed = [split for split in splits if split not in named and split != "test"]
    if not named:
        raise ConfigError("DATASETS.TRAIN.NAME: is empty, and so are the others; name one")
    report = Report(unnamed=unnamed)
    inventories: dict[str, Inventory] = {}
    thumbnails: dict[str, dict[Path, np.ndarray]] = {}
    for split in named:
        inventory = inventory_of(open_dataset(cfg, split))
        _refuse_other_scale(cfg, inventory, scale)
        inventories[split] = inventory
        report.unchecked += [f"{split}: {name}" for name in inventory.unchecked]
        report.files[split] = len(inventory.files) + len(inventory.problems)
        report.findings += _fitting(cfg, split, inventory, scale)
        if decode or thorough:
            thumbnails[split], damaged = decode_all(split, inventory.samples)
            known = {finding.file for finding in report.findings if finding.kind == Kind.UNREADABLE}
            report.findings += [finding for finding in damaged if finding.file not in known]
        report.findings += _leaks(split, inventories, thumbnails if thorough else {})
    return report


def refuse_findings(cfg: Config, scale: int, splits: Sequence[str]) -> None:
    """Make sure, from headers and equal bytes alone, that pictures can be learnt from or measured.

    Fast enough for every start: 1,323 files took 0.2 to 0.4 s on two CPU cores.

    Training pictures that cannot be read are allowed up to DATA.MAX_UNREADABLE; these, and files
    unlike the rest of their set, are logged. Of several processes the main one looks.

    Args:
        cfg: the whole config.
        scale: the architecture's.
        splits: the ones that are going to be used.

    Raises:
        ConfigError: a part is named wrongly.
        DataError: listing the first findings, and how to see all.
    """
    report = from_main(lambda: examine(cfg, scale, splits))
    skippable = [f for f in report.findings if f.kind == Kind.UNREADABLE and f.split == "train"]
    if len(skippable) > cfg.DATA.MAX_UNREADABLE:
        skippable = []
    refused: list[Finding] = []
    told: list[Finding] = []
    for finding in report.findings:
        bearable = finding.kind in BEARABLE or finding in skippable
        (told if bearable else refused).append(finding)
    if refused:
        raise DataError(
            f"{len(refused)} finding(s) in the data sets:\n{_lines(refused)}\n"
            "tools/check_data.py with this config and these overrides lists them all"
        )
    if told and is_main():
        _log.warning("%d finding(s) in the data sets:\n%s", len(told), _lines(told))


def _leaks(
    split: str,
    inventories: Mapping[str, Inventory],
    thumbnails: Mapping[str, Mapping[Path, np.ndarray]],
) -> list[Finding]:
    """What `split` has in common with the splits before it; copies, where there are thumbnails."""
    found = []
    for earlier, inventory in inventories.items():
        if earlier == split:
            break
        shared = shared_findings(split, inventories[split].files, inventory.files, earlier)
        found += shared
        if thumbnails:
            told = {finding.file for finding in shared}
            copies = copy_findings(split, thumbnails[split], thumbnails[earlier], earlier)
            found += [copy for copy in copies if copy.file not in told]
    return found


def _refuse_other_scale(cfg: Config, inventory: Inventory, scale: int) -> None:
    """Inputs that are made of clean pictures must be as small as the architecture expects."""
    clean = any(
        sample.input is None and "input" not in sample.panels for sample in inventory.samples
    )
    made = total_scale(build_degradations(cfg))
    if clean and cfg.DATA.DEGRADATIONS and made != scale:
        raise ConfigError(
            f"DATA.DEGRADATIONS: makes inputs {made} times smaller, but MODEL {cfg.MODEL.NAME} "
            f"enlarges {scale} times"
        )


def _fitting(cfg: Config, split: str, inventory: Inventory, scale: int) -> list[Finding]:
    """What listing and headers show of one split."""
    samples, channels = inventory.samples, cfg.DATA.CHANNELS
    findings = [
        Finding(split, problem.file, problem.what, Kind.PAIRING) for problem in inventory.problems
    ]
    headers, broken = read_headers(split, inventory.files)
    findings += broken
    findings += size_findings(split, samples, headers, scale)
    if split == "train":
        smallest, crop = _smallest(cfg)
        findings += crop_findings(split, samples, headers, smallest, crop)
    findings += pair_findings(split, samples, headers, channels)
    return findings + mixed_findings(split, headers, channels)


def _smallest(cfg: Config) -> tuple[int, str]:
    """The target's side that the first cutting transform needs; the others see what it leaves."""
    for position, transform in enumerate(build_transforms(cfg)):
        if hasattr(transform, "smallest"):
            name = cfg.DATA.TRANSFORMS[position].NAME
            size = transform.smallest
            return size, f"the {size} pixels that DATA.TRANSFORMS.{position} {name} cuts out"
    return 1, ""


def _lines(findings: Sequence[Finding]) -> str:
    shown = [f"  {finding}" for finding in findings[:_SHOWN]]
    rest = len(findings) - _SHOWN
    return "\n".join([*shown, f"  and {rest} more"] if rest > 0 else shown)
