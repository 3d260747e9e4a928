"""Correcting pictures that are pixelated, and leaving all others alone."""

from __future__ import annotations

import numpy as np

from data.labelled import to_8_bit_colours
from engine.blocks import Grid, find_grid, shrink
from engine.detector import Detector
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.restorer import Restorer
from utils.errors import ConfigError
from utils.logging import get_logger
from utils.resampling import resize_bicubic

_log = get_logger(__name__)


class PixelationCorrector:
    """Restores what a detector finds pixelated; a picture that is not comes back as it is.

    Each block of a pixelated picture becomes one pixel, its mean. This small picture is enlarged
    by a super-resolution network and resampled to the size that the picture had.

    Args:
        restorer: enlarges pictures.
        detector: says which are pixelated, by its last class.

    Attributes:
        corrected: how many pictures have been corrected.

    Raises:
        ConfigError: the restorer's network does not enlarge.
    """

    def __init__(self, restorer: Restorer, detector: Detector) -> None:
        if restorer.descriptor.scale == 1:
            name = type(restorer.model).__name__
            raise ConfigError(
                f"{name} keeps the size; correcting pixelation needs a network that enlarges"
            )
        self.restorer = restorer
        self.detector = detector
        self.corrected = 0

    def restore(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> np.ndarray:
        """Correct one picture if it is pixelated, and log which it was.

        Args:
            image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
            name: what messages call the picture.
            options: how the small picture is enlarged; `outscale` is not for this.

        Returns:
            A picture of the same size, depth and channels; `image` itself where it is clean.

        Raises:
            ConfigError: `outscale` is given.
            ImageError: the array is no such picture, or the restorer refuses it.
        """
        if options.outscale is not None:
            raise ConfigError("outscale: a corrected picture has its input's size; leave it out")
        probability = self.detector.probability(image, name)
        if probability <= 0.5:
            _log.info("%s: not pixelated (%.3f), left as it is", name, probability)
            return image
        rows, columns = find_grid(to_8_bit_colours(image))
        told = (name, probability, (rows.size + columns.size) / 2)
        _log.info("%s: pixelated (%.3f), blocks of about %.2f pixels, corrected", *told)
        colours = image[..., :3]
        small = shrink(colours, rows, columns)
        large = self.restorer.restore(small, name, options)
        result = _fitted(large, small.shape[:2], (rows, columns), colours.shape[:2])
        self.corrected += 1
        return np.dstack([result, image[..., 3:]]) if image.shape[2] == 4 else result


def _fitted(
    large: np.ndarray, blocks: tuple[int, ...], grids: tuple[Grid, Grid], size: tuple[int, ...]
) -> np.ndarray:
    """The enlarged picture at the size of the pixelated one, each block where it was.

    Args:
        large: what became of the small picture, HWC.
        blocks: height and width of the small picture.
        grids: where its pixels lay, down and across.
        size: height and width of the result.
    """
    spans = [
        max(length, round(count * grid.size))
        for count, grid, length in zip(blocks, grids, size, strict=True)
    ]
    resized = resize_bicubic(large.astype(np.float32), *spans)
    starts = [
        min(span - length, round(grid.before_edge))
        for span, grid, length in zip(spans, grids, size, strict=True)
    ]
    cut = resized[starts[0] : starts[0] + size[0], starts[1] : starts[1] + size[1]]
    return np.rint(cut).clip(0, np.iinfo(large.dtype).max).astype(large.dtype)
