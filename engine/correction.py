"""Correcting pictures that are pixelated, and leaving all others alone."""

from __future__ import annotations

import numpy as np

from data.labelled import to_8_bit_colours
from engine.blocks import Grid, find_grid, shrink
from engine.detector import Detector
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.restorer import Restorer
from engine.verdict import Verdict, judge
from utils.errors import ConfigError, ImageTooLargeError
from utils.logging import get_logger
from utils.resampling import resized_bands

_log = get_logger(__name__)

_BAND = 256  # rows of an enlarged picture that are resampled at a time


class BlockRestorer:
    """Restores pictures as pixelated ones, whatever they are.

    Each block of a pixelated picture becomes one pixel, its mean. This small picture is enlarged
    by a super-resolution network and resampled to the size that the picture had.

    Args:
        restorer: enlarges pictures.
        max_pixels: that the enlarged picture may have; None sets no bound.

    Raises:
        ConfigError: the restorer's network does not enlarge.
    """

    def __init__(self, restorer: Restorer, max_pixels: int | None = None) -> None:
        if restorer.descriptor.scale == 1:
            name = restorer.architecture
            raise ConfigError(
                f"{name} keeps the size; correcting pixelation needs a network that enlarges"
            )
        self._restorer = restorer
        self._max_pixels = max_pixels

    def restore(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> np.ndarray:
        """Restore one picture as a pixelated one; see `restore_blocks`."""
        return self.restore_blocks(image, find_grid(to_8_bit_colours(image)), name, options)

    def restore_blocks(
        self,
        image: np.ndarray,
        grids: tuple[Grid, Grid],
        name: str = "picture",
        options: RestoreOptions = DEFAULTS,
    ) -> np.ndarray:
        """Restore one picture whose blocks are known.

        Args:
            image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
            grids: where its blocks lie, down and across.
            name: what messages call the picture.
            options: how the small picture is enlarged; `outscale` is not for this.

        Returns:
            A picture of the same size, depth and channels.

        Raises:
            ConfigError: `outscale` is given.
            ImageTooLargeError: the enlarged picture would have more than `max_pixels`.
            ImageError: the array is no such picture, or the restorer refuses it.
        """
        _refuse_outscale(options)
        colours = image[..., :3]
        small = shrink(colours, *grids)
        self._check_size(small, name)
        large = self._restorer.restore(small, name, options)
        result = _fitted(large, small.shape[:2], grids, colours.shape[:2])
        return np.dstack([result, image[..., 3:]]) if image.shape[2] == 4 else result

    def _check_size(self, small: np.ndarray, name: str) -> None:
        height, width = (length * self._restorer.descriptor.scale for length in small.shape[:2])
        if self._max_pixels is not None and height * width > self._max_pixels:
            raise ImageTooLargeError(
                f"{name}: its blocks enlarged would be {width}x{height} pixels, more than the "
                f"{self._max_pixels:,} allowed; make the picture smaller"
            )


class PixelationCorrector:
    """Restores what a detector finds pixelated; a picture that is not comes back as it is.

    Args:
        restorer: enlarges pictures.
        detector: says which are pixelated, by its last class.
        max_pixels: as in `BlockRestorer`.

    Attributes:
        corrected: how many pictures have been corrected.

    Raises:
        ConfigError: the restorer's network does not enlarge.
    """

    def __init__(
        self, restorer: Restorer, detector: Detector, max_pixels: int | None = None
    ) -> None:
        self._blocks = BlockRestorer(restorer, max_pixels)
        self.detector = detector
        self.corrected = 0

    def restore(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> np.ndarray:
        """Correct one picture if it is pixelated; see `correct`."""
        return self.correct(image, name, options)[0]

    def correct(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> tuple[np.ndarray, Verdict]:
        """Correct one picture if it is pixelated, and log which it was.

        Args:
            image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
            name: what messages call the picture.
            options: how the small picture is enlarged; `outscale` is not for this.

        Returns:
            A picture of the same size, depth and channels, `image` itself where it is clean; and
            what was found.

        Raises:
            ConfigError: `outscale` is given.
            ImageError: the array is no such picture, or the restorer refuses it.
        """
        _refuse_outscale(options)
        found = judge(self.detector, image, name)
        if found.grids is None:
            _log.info("%s: not pixelated (%.3f), left as it is", name, found.probability)
            return image, found
        told = (name, found.probability, found.block)
        _log.info("%s: pixelated (%.3f), blocks of about %.2f pixels, corrected", *told)
        result = self._blocks.restore_blocks(image, found.grids, name, options)
        self.corrected += 1
        return result, found


def _refuse_outscale(options: RestoreOptions) -> None:
    if options.outscale is not None:
        raise ConfigError("outscale: a corrected picture has its input's size; leave it out")


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
    result = np.empty((*spans, large.shape[2]), large.dtype)
    bands = (large[top : top + _BAND].astype(np.float32) for top in range(0, len(large), _BAND))
    top = 0
    for strip in resized_bands(bands, (large.shape[0], large.shape[1]), (spans[0], spans[1])):
        result[top : top + len(strip)] = np.rint(strip).clip(0, np.iinfo(large.dtype).max)
        top += len(strip)
    starts = [
        min(span - length, round(grid.before_edge))
        for span, grid, length in zip(spans, grids, size, strict=True)
    ]
    cut = result[starts[0] : starts[0] + size[0], starts[1] : starts[1] + size[1]]
    return np.ascontiguousarray(cut)
