"""Two folders of pictures, paired and measured: what tools/score.py prints."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from engine.metrics import METRICS, Metric
from utils.errors import DataError, ImageError, some
from utils.images import image_size, list_images, read_image, to_tensor

Pair = tuple[Path, Path]


def scoring_metrics(
    names: Sequence[str],
    crop_border: int = 0,
    y_channel: bool = False,
    lpips_net: str = "alex",
    lpips_weights: str = "",
) -> dict[str, Metric]:
    """The metrics called `names` (a metric's name in lower case), all with the same options.

    Raises:
        PartError: an unknown name.
        PellucidError: LPIPS without its backbone's weights at hand.
    """
    known = {name.lower(): name for name in METRICS.names()}
    metrics = {}
    for name in names:
        options: dict[str, Any] = {"crop_border": crop_border}
        if name == "lpips":
            options |= {"net": lpips_net, "weights": lpips_weights}
        else:
            options |= {"y_channel": y_channel}
        metrics[name] = METRICS.build(known.get(name, name), **options)
    return metrics


def pair_pictures(predictions: Path, targets: Path) -> list[Pair]:
    """Pictures of the two folders by equal stem, whatever the suffix; sorted by the target's name.

    Raises:
        DataError: naming the pictures, when one lacks its counterpart or two share a stem, or
            when there is none.
        ImageError: naming the files, when a folder is missing, a file unreadable or the two of a
            pair differ in size.
    """
    found, wanted = _by_stem(predictions), _by_stem(targets)
    if not wanted:
        raise DataError(f"{targets}: holds no pictures")
    problems = []
    if missing := [wanted[stem].name for stem in wanted if stem not in found]:
        problems.append(f"{predictions} has no picture for {some(missing)} of {targets}")
    if extra := [found[stem].name for stem in found if stem not in wanted]:
        problems.append(f"{targets} has no picture for {some(extra)} of {predictions}")
    if problems:
        raise DataError("; ".join(problems))
    pairs = [(found[stem], wanted[stem]) for stem in wanted]
    _check_sizes(pairs)
    return pairs


def score_folders(
    predictions: str | Path,
    targets: str | Path,
    metrics: Mapping[str, Metric],
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Measure each picture of `predictions` against its counterpart in `targets`.

    A pair is compared in gray where both files are gray, else in RGB (a gray file then has three
    equal channels). Transparency is dropped; 16 bits are rounded to 8.

    Returns:
        `{"protocol": {...}, "images": [{"name": ..., <metric>: ...}], "mean": {<metric>: ...}}`
        of plain values. An infinite figure (PSNR of equal pictures, and so its mean) is the
        string "inf", which JSON can hold and `float()` reads.

    Raises:
        DataError: the folders' pictures do not pair.
        ImageError: naming the picture, when it is unreadable, mis-sized or too small.
    """
    pairs = pair_pictures(Path(predictions), Path(targets))
    for metric in metrics.values():
        metric.to(device)
        metric.reset()
    images: list[dict[str, Any]] = []
    colors: Counter[str] = Counter()
    for prediction, target in tqdm(pairs, desc="score", unit="picture", leave=False, disable=None):
        output, wanted = _read_pair(prediction, target)
        colors["gray" if output.shape[0] == 1 else "RGB"] += 1
        batches = (output[None].to(device), wanted[None].to(device))
        row: dict[str, Any] = {"name": target.stem}
        try:
            row |= {key: _plain(m.update(*batches).item()) for key, m in metrics.items()}
        except ImageError as error:
            raise ImageError(f"{prediction}: {error}") from error
        images.append(row)
    protocol = {
        "predictions": str(predictions),
        "targets": str(targets),
        "pictures": len(pairs),
        "colors": dict(colors),
        "metrics": {key: metric.protocol() for key, metric in metrics.items()},
    }
    mean = {key: _plain(metric.compute()) for key, metric in metrics.items()}
    return {"protocol": protocol, "images": images, "mean": mean}


def _by_stem(folder: Path) -> dict[str, Path]:
    pictures: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in pictures:
            raise DataError(
                f"{folder}: {pictures[path.stem].name} and {path.name} share the name "
                f"{path.stem}; keep one"
            )
        pictures[path.stem] = path
    return pictures


def _check_sizes(pairs: Sequence[Pair]) -> None:
    wrong = []
    for prediction, target in pairs:
        (height, width), (target_height, target_width) = image_size(prediction), image_size(target)
        if (height, width) != (target_height, target_width):
            wrong.append(
                f"{prediction} is {width}x{height} px, {target} {target_width}x{target_height} px"
            )
    if wrong:
        raise ImageError(some(wrong, "; "))


def _read_pair(prediction: Path, target: Path) -> tuple[torch.Tensor, torch.Tensor]:
    pictures = [read_image(prediction), read_image(target)]
    channels = max(picture.shape[2] for picture in pictures)
    output, wanted = (to_tensor(picture).expand(channels, -1, -1) for picture in pictures)
    return output, wanted


def _plain(value: float) -> float | str:
    return "inf" if math.isinf(value) else value
