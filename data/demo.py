"""Sets in SD1's own format, made from photographs and printed matter under synthetic glare.

The demo set takes what scikit-image ships and is there in seconds; its training and validation
share neither a photograph nor a seed. A set from photographs of one's own serves to measure on.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from tqdm import tqdm

from data.datasets.clean import CleanFolder
from data.datasets.printed_matter import PrintedMatter
from data.degradations.glare import Glare
from data.resizing import resize
from data.staging import staged_folder
from utils.images import write_image

SIDE = 512  # pixels of a panel, as in SD1
LIFTED = 0.02  # added light above which the mask is white, of 1
PHOTO_SHARE = 3  # every third picture is a photograph, the others are printed matter

# Functions of skimage.data whose picture is part of the package. Every other one is downloaded on
# first use (eagle, skin, lily, ...) or shows nothing that a person photographs (phantom, cell).
PHOTOGRAPHS = {
    "train": (
        "astronaut",
        "brick",
        "camera",
        "cat",
        "clock",
        "coins",
        "grass",
        "hubble_deep_field",
        "page",
        "stereo_motorcycle",
    ),
    "val": ("coffee", "gravel", "rocket", "text"),
}
_SEEDS = {"train": 1, "val": 2}


def write_demo_set(
    output: Path, train: int = 48, val: int = 12, samples: int = 4, force: bool = False
) -> None:
    """Write `train/`, `val/` and `samples/` below `output`.

    Args:
        output: the folder to write; it appears only when it is complete.
        train: training pictures, 1536x512 RGBA PNG each: truth | glare | mask.
        val: validation pictures, the same.
        samples: glare panels of the first validation pictures, cut out as 512x512 RGB PNG.
        force: replace a folder that is there.

    Raises:
        DataError: `output` exists and `force` is not given, or cannot be written.
    """
    with staged_folder(output, force) as folder:
        for split, count in (("train", train), ("val", val)):
            (folder / split).mkdir()
            for index, stitched in enumerate(_stitched_pictures(split, count)):
                write_image(folder / split / f"{split}_{index:03d}.png", stitched)
                if split == "val" and index < samples:
                    sample = stitched[:, SIDE : 2 * SIDE, :3]
                    (folder / "samples").mkdir(exist_ok=True)
                    write_image(folder / "samples" / f"glare_{index:03d}.png", sample)


def stitch(truth: np.ndarray, glare: np.ndarray) -> np.ndarray:
    """Join a pair the way SD1 does.

    Args:
        truth: HWC RGB uint8.
        glare: the same picture under glare.

    Returns:
        Hx3Wx4 RGBA uint8: truth | glare | mask, opaque. The mask is white where glare lifted the
        mean of the three channels by more than 0.02 of full scale.
    """
    lift = glare.astype(np.float32).mean(axis=2) - truth.astype(np.float32).mean(axis=2)
    mask = np.where(lift > LIFTED * 255, np.uint8(255), np.uint8(0))
    panels = np.concatenate([truth, glare, np.repeat(mask[..., None], 3, axis=2)], axis=1)
    opaque = np.full((*panels.shape[:2], 1), 255, dtype=np.uint8)
    return np.concatenate([panels, opaque], axis=2)


def write_glare_set(
    output: Path,
    photos: Path,
    include: str = "*",
    count: int = 60,
    seed: int = 3,
    enlarge: int = SIDE,
    force: bool = False,
) -> None:
    """Write a set to measure on: half of it photographs, half printed matter with them.

    Args:
        output: the folder to write; it appears only when it is complete.
        photos: a folder of photographs.
        include: a pattern that their file names must match.
        count: pictures to write.
        seed: what they are drawn from; another seed gives other pictures.
        enlarge: side of a panel in pixels; other than 512 the same pictures are resized.
        force: replace a folder that is there.

    Raises:
        DataError: no photographs, or `output` exists and `force` is not given.
    """
    photographs = CleanFolder(str(photos), include, channels=3, split="photographs")
    printed = PrintedMatter(
        count, SIDE, photos=[str(photos)], include=include, channels=3, split="photographs"
    )
    with staged_folder(output, force) as folder:
        for index, stitched in enumerate(draw_pairs(photographs, printed, count, 2, seed)):
            if enlarge != SIDE:  # each panel by itself, or their edges would mix
                panels = [resize(panel, enlarge) for panel in np.split(stitched, 3, axis=1)]
                stitched = np.concatenate(panels, axis=1)
            write_image(folder / f"glare_{index:03d}.png", stitched)


def draw_pairs(
    photographs: CleanFolder, printed: PrintedMatter, count: int, photo_share: int, seed: int
) -> Iterator[np.ndarray]:
    """Draw `count` stitched pictures; each depends on the seed and its index only.

    Every `photo_share`-th is a square cut from a photograph, in turn; the others are print.
    """
    glare = Glare()
    for index in tqdm(range(count), desc=printed.split, unit="picture", disable=None):
        rng = np.random.default_rng([seed, index])
        if index % photo_share == 0:
            turn = index // photo_share % len(photographs)
            truth = _crop(np.asarray(photographs.read(turn, rng)["target"]), rng)
        else:
            truth = np.asarray(printed.read(index, rng)["target"])
        light = glare(truth.astype(np.float32) / 255, rng)
        yield stitch(truth, np.rint(np.clip(light, 0, 1) * 255).astype(np.uint8))


def load_photographs(split: str) -> dict[str, np.ndarray]:
    """The photographs of `split` by name: HWC RGB uint8, from scikit-image's own files."""
    photographs = {}
    for name in PHOTOGRAPHS[split]:
        picture = getattr(skimage.data, name)()
        if isinstance(picture, tuple):  # a stereo pair and its depth: one view is enough
            picture = picture[0]
        photographs[name] = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
    return photographs


def _stitched_pictures(split: str, count: int) -> Iterator[np.ndarray]:
    """Draw `count` stitched pictures of the demo set."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, picture in load_photographs(split).items():
            write_image(Path(scratch) / f"{name}.png", picture)
        photographs = CleanFolder(scratch, channels=3, split=split)
        printed = PrintedMatter(count, SIDE, photos=[scratch], channels=3, split=split)
        yield from draw_pairs(photographs, printed, count, PHOTO_SHARE, _SEEDS[split])


def _crop(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A square of 60 to 100 % of the short side from anywhere in `picture`, at SIDE pixels."""
    side = round(min(picture.shape[:2]) * rng.uniform(0.6, 1.0))
    top = rng.integers(picture.shape[0] - side + 1)
    left = rng.integers(picture.shape[1] - side + 1)
    square = picture[top : top + side, left : left + side]
    interpolation = cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC
    return cv2.resize(square, (SIDE, SIDE), interpolation=interpolation)
