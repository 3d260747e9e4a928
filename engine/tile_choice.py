"""Whether a picture is restored whole or in tiles, and how large those are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from engine.memory import available_bytes, peak_bytes, unless_out_of_memory
from engine.restore_options import SMALLEST_TILE
from engine.tiling import Tiling, exact_overlap
from modeling.descriptor import Descriptor
from utils.errors import ImageError
from utils.image_rows import Pixels
from utils.logging import get_logger

_log = get_logger(__name__)

Result = TypeVar("Result")

_PROBE = 256  # side of the picture on which memory is measured; none of this size is tiled
_ENOUGH = 1e9  # bytes beyond which larger tiles gain nothing, where their overlap costs little
_WIDE = 20  # overlaps that a tile is wide whose overlap costs little: a fifth of its pixels
_SHARE = 0.7  # of the memory that is free; the rest is for what a measurement cannot see
_BLENDED = 8  # where no overlap is exact, neighbours blend over this fraction of a tile
# Input pixels that go through together on a CPU: more leave its caches, and take longer each.
_CPU_BATCH = 2 * 256**2


@dataclass
class TileChooser:
    """Chooses tiles for pictures from what the architecture states and what memory there is.

    Attributes:
        descriptor: the architecture's.
        device: where it runs.
        local: whether a tile that sees the receptive field gives what the whole picture gives.
        reach: pixels that the steps around the architecture reach to each side.
        restore: restores a small picture in one piece; its memory is measured.
    """

    descriptor: Descriptor
    device: torch.device
    local: bool
    reach: int
    restore: Callable[[np.ndarray], Any]
    _bytes_per_pixel: dict[tuple[int, np.dtype], float] = field(default_factory=dict)
    _ran_out: float = math.inf  # pixels of the smallest window for which memory did not suffice
    _told: tuple[tuple[int, int], Tiling] | None = None

    def choose(self, image: Pixels, name: str, tile: int | None, overlap: int | None) -> Tiling:
        """How to cut a picture; one tile as large as the picture where it is restored whole.

        Args:
            image: of which only the form is looked at.
            name: what messages call the picture.
            tile: side of a tile in pixels; None chooses the largest for which memory suffices.
            overlap: in pixels; None chooses what makes tiles exact.
        """
        size = image.shape[:2]
        if tile is not None:
            tiling = self.tiling(tile, overlap)
        else:
            tiling = self._fitting(image, name, overlap)
        while window_pixels(size, tiling) >= self._ran_out:
            smaller = self._halved(size, tiling, overlap)
            if smaller is None:
                break  # it is tried nevertheless: there may be more memory by now
            tiling = smaller
        return tiling

    def count_at_once(self, images: Sequence[np.ndarray], tiling: Tiling) -> int:
        """How many of these, all alike, best go through at once; 1 where each needs tiles."""
        size = images[0].shape[:2]
        if not tiling.covers(size):
            return 1
        pixels, most = window_pixels(size, tiling), self._ran_out - 1
        if self.device.type == "cpu":
            most = min(most, _CPU_BATCH)
        available = available_bytes(self.device)
        if available is not None and len(images) * pixels > _PROBE**2:
            most = min(most, _SHARE * available / self._measured_bytes_per_pixel(images[0]))
        return int(min(len(images), max(1, most / pixels)))

    def note_too_many(self, pixels: int) -> None:
        """Stay below so many input pixels at once from now on: memory ran out."""
        self._ran_out = min(self._ran_out, pixels)

    def in_tiles_that_fit(
        self,
        work: Callable[[Tiling], Result],
        tiling: Tiling,
        size: Sequence[int],
        name: str,
        overlap: int | None,
    ) -> Result:
        """What `work` gives in these tiles, or in smaller ones where memory runs out.

        Raises:
            ImageError: the smallest tiles do not fit either.
        """
        while True:
            result = unless_out_of_memory(partial(work, tiling), self.device)
            if result is not None:
                return result
            self.note_too_many(window_pixels(size, tiling))
            smaller = self._halved(size, tiling, overlap)
            if smaller is None:
                raise ImageError(
                    f"{name}: {size[1]}x{size[0]} pixels do not fit into the memory of "
                    f"{self.device}, nor do tiles of it; make the picture smaller or use a device "
                    "with more memory"
                )
            _log.warning(
                "%s: %d pixels at once did not fit into the memory of %s; "
                "restored anew in tiles of %d pixels",
                *(name, window_pixels(size, tiling), self.device, smaller.tile),
            )
            tiling = smaller

    def is_exact(self, tiling: Tiling) -> bool:
        """Whether tiles give what the whole picture gives."""
        return self.local and tiling.overlap >= exact_overlap(self.descriptor, self.reach)

    def whole(self, size: Sequence[int]) -> Tiling:
        """One tile that is the whole picture."""
        multiple = self.descriptor.size_multiple
        return Tiling(_up(max(size), multiple), 0, 0, multiple)

    def tiling(self, tile: int, overlap: int | None) -> Tiling:
        """Tiles of at least these measures, on the grid of the size multiple."""
        multiple = self.descriptor.size_multiple
        exact = exact_overlap(self.descriptor, self.reach)
        side = _up(tile, multiple)
        if overlap is None:
            wanted = exact if self.local else max(exact, side // _BLENDED)
        else:
            wanted = min(overlap, exact) if self.local else overlap  # more could change nothing
        seen = _up(wanted, multiple)
        ramp = 0 if self.local and seen >= exact else min(seen, side // 2)
        return Tiling(side, seen, ramp, multiple)

    def _halved(self, size: Sequence[int], tiling: Tiling, overlap: int | None) -> Tiling | None:
        side = min(tiling.tile, max(size))
        while side > max(SMALLEST_TILE, self.descriptor.size_multiple):
            side = side // 2
            smaller = self.tiling(side, overlap)
            if window_pixels(size, smaller) < window_pixels(size, tiling):
                return smaller
        return None

    def _fitting(self, image: Pixels, name: str, overlap: int | None) -> Tiling:
        """The whole picture, or the largest tiles whose memory is there, and worth its while."""
        height, width = size = (image.shape[0], image.shape[1])
        whole = self.whole(size)
        if height * width <= _PROBE**2:
            return whole
        available = available_bytes(self.device)
        needed = self._measured_bytes_per_pixel(image)
        most = math.inf if available is None else _SHARE * available / needed
        pixels = min(most, self._worth(needed, overlap))
        if height * width <= pixels:
            return whole
        around = 2 * self.tiling(1, overlap).overlap
        tiling = self.tiling(max(SMALLEST_TILE, math.isqrt(int(pixels)) - around), overlap)
        if pixels == most and self._told != (size, tiling):
            self._told = (size, tiling)
            assert available is not None
            _log.info(
                "%s: %dx%d pixels take about %.1f GB, and %.1f GB are free on %s; "
                "restored in tiles of %d pixels",
                *(name, width, height, height * width * needed / 1e9, available / 1e9),
                *(self.device, tiling.tile),
            )
        return tiling

    def _worth(self, needed: float, overlap: int | None) -> float:
        """Pixels at once above which only memory is spent: tiles are exact, and wide enough."""
        small = self.tiling(1, overlap)
        if not self.is_exact(small):
            return math.inf
        return max(_ENOUGH / needed, ((_WIDE + 2) * small.overlap) ** 2)

    def _measured_bytes_per_pixel(self, image: Pixels) -> float:
        channels = min(image.shape[2], 3)
        key = (channels, image.dtype)
        if key not in self._bytes_per_pixel:
            side = _up(_PROBE, self.descriptor.size_multiple)
            probe = np.zeros((side, side, channels), image.dtype)
            peak = peak_bytes(lambda: self.restore(probe), self.device)
            self._bytes_per_pixel[key] = peak / side**2
        return self._bytes_per_pixel[key]


def window_pixels(size: Sequence[int], tiling: Tiling) -> int:
    """Input pixels that go through the network at once, at most."""
    return min(size[0], tiling.window) * min(size[1], tiling.window)


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
