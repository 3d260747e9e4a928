"""What headers show without decoding a pixel: whether files are pictures, and fit together."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from data.doctor.findings import Finding, Kind
from data.inventory import SampleFiles
from utils.errors import ImageError
from utils.image_headers import ImageHeader, image_header

_PATIENCE = 2.0  # seconds before a progress bar is worth drawing

Headers = Mapping[Path, ImageHeader]


def read_headers(
    split: str, files: Sequence[Path]
) -> tuple[dict[Path, ImageHeader], list[Finding]]:
    """The headers of `files`, and a finding for each that is empty, missing or no picture."""
    headers: dict[Path, ImageHeader] = {}
    findings = []
    bar = tqdm(files, f"check {split}", unit="file", leave=False, delay=_PATIENCE, disable=None)
    for file in bar:
        try:
            headers[file] = image_header(file)
        except ImageError as error:
            findings.append(unreadable(split, file, error))
    return headers, findings


def unreadable(split: str, file: Path, error: ImageError) -> Finding:
    """The finding that a file cannot be read."""
    return Finding(split, file, str(error).removeprefix(f"{file}: "), Kind.UNREADABLE)


def size_findings(
    split: str, samples: Iterable[SampleFiles], headers: Headers, scale: int
) -> list[Finding]:
    """Pairs whose sizes do not fit, and panels of unequal width.

    Args:
        split: named in findings.
        samples: files whose headers were not read are passed over.
        headers: by file.
        scale: the architecture's: a target's sides are its input's times this.
    """
    found = []
    for sample in samples:
        if any(file not in headers for file in sample.files):
            continue
        height, width = headers[sample.target].upright
        if width % len(sample.panels):
            what = f"is {width} pixels wide, not {len(sample.panels)} equal panels"
        elif "input" in sample.panels and scale != 1:
            what = f"holds input and target of one size, but the model enlarges {scale} times"
        elif sample.input is None:
            continue
        else:
            low, narrow = headers[sample.input].upright
            if (height, width) == (low * scale, narrow * scale):
                continue
            rule = "of equal size" if scale == 1 else f"{scale} times as large"
            what = f"is {width}x{height}, not {rule} as its input {sample.input} ({narrow}x{low})"
            what = what.replace("equal size as", "equal size with")
        found.append(Finding(split, sample.target, what, Kind.SIZE))
    return found


def crop_findings(
    split: str, samples: Iterable[SampleFiles], headers: Headers, smallest: int, crop: str
) -> list[Finding]:
    """Targets that are smaller than what training cuts out of them.

    Args:
        split: named in findings.
        samples: files whose headers were not read are passed over.
        headers: by file.
        smallest: pixels that a target's shorter side needs.
        crop: what needs them, in words.
    """
    found = []
    for sample in samples:
        if sample.target not in headers:
            continue
        height, width = headers[sample.target].upright
        width //= len(sample.panels)
        if sample.side is not None:
            height = width = sample.side
        if min(height, width) < smallest:
            what = f"is {width}x{height}, smaller than {crop}"
            found.append(Finding(split, sample.target, what, Kind.SIZE))
    return found


def pair_findings(
    split: str, samples: Iterable[SampleFiles], headers: Headers, channels: int
) -> list[Finding]:
    """Pairs of a gray and a coloured half (unless all is read as gray), or of two depths."""
    found = []
    for sample in samples:
        if sample.input is None or any(file not in headers for file in sample.files):
            continue
        input, target = headers[sample.input], headers[sample.target]
        if input.gray != target.gray and channels != 1:
            what = f"is {_color(target)}, its input {sample.input} {_color(input)}"
            found.append(Finding(split, sample.target, what, Kind.CHANNELS))
        if input.bits != target.bits:
            what = f"has {target.bits} bits, its input {sample.input} {input.bits}"
            found.append(Finding(split, sample.target, what, Kind.MIXED))
    return found


def mixed_findings(split: str, headers: Headers, channels: int) -> list[Finding]:
    """Files of another depth, or of other channels, than most in their folder."""
    folders: defaultdict[Path, list[Path]] = defaultdict(list)
    for file in headers:
        folders[file.parent].append(file)
    found = []
    for files in folders.values():
        forms = {"bits": {file: f"{headers[file].bits} bit" for file in files}}
        if channels != 1:
            forms["channels"] = {file: _color(headers[file]) for file in files}
        for form in forms.values():
            counts = Counter(form.values())
            usual, count = counts.most_common(1)[0]
            found += [
                Finding(
                    split, file, f"is {own}, where {count} of {len(files)} are {usual}", Kind.MIXED
                )
                for file, own in form.items()
                if own != usual
            ]
    return found


def _color(header: ImageHeader) -> str:
    return "gray" if header.gray else "coloured"
