"""One picture in, one restored picture out: the only inference path there is.

Evaluation measures the same forward pass, and every tool and service restores through here, so
that what was measured is what people get.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from engine.memory import unless_out_of_memory
from engine.model_files import load_model
from engine.network import Network
from engine.precision import resolve_device, resolve_precision
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.tile_choice import TileChooser, window_pixels
from engine.tiling import Place, Tiling, count_pieces, restored_pieces
from modeling.descriptor import Descriptor
from utils.errors import ImageError
from utils.images import to_tensor, to_uint8, to_uint16
from utils.logging import get_logger
from utils.resampling import resize_bicubic

_log = get_logger(__name__)

_TURNS = range(8)  # four quarter turns, and the same of the reflected picture


class Restorer:
    """Restores pictures of any size, gray or colour, 8 or 16 bit, with or without transparency.

    The model is loaded once and kept; `restore` may be called any number of times.

    Args:
        model: an architecture with its weights; it is moved to the device and put into eval().
        device: "auto", "cpu", "cuda", or a device.
        precision: as `PRECISION` in a config. Pictures of 16 bit are always restored in float32,
            which alone can hold them.

    Raises:
        ConfigError: the device is not there, or the architecture does not bear the precision.
    """

    def __init__(
        self, model: nn.Module, device: str | torch.device = "auto", precision: str = "auto"
    ) -> None:
        self.device = resolve_device(str(device))
        self.descriptor: Descriptor = model.descriptor
        self.precision = resolve_precision(precision, self.device, self.descriptor.precisions)
        self._network = Network(model, self.device, self.precision)
        self.model = self._network.model
        self._chooser = TileChooser(
            self.descriptor,
            self.device,
            self._network.local,
            self._network.reach,
            lambda image: to_uint8(self._network.restore(image)),
        )
        self._difference_told = False

    @classmethod
    def from_weights(cls, path: str | Path, device: str | torch.device = "auto") -> Self:
        """A restorer from a weights file alone: its metadata says which model it belongs to.

        A config, .yml, serves too where its architecture comes with weights or has nothing to
        learn.

        The precision is the device's own ("auto"), whatever the training's was.

        Raises:
            CheckpointError: the file cannot be read, does not fit its model, or, without a
                config, is of no architecture that spandrel knows.
            ConfigError: the device is not there, or what is given is a config that is wrong or
                needs weights.
        """
        resolve_device(str(device))  # a wrong device is said before a large file is read
        return cls(load_model(path).model, device)

    def restore(
        self, image: np.ndarray, name: str = "picture", options: RestoreOptions = DEFAULTS
    ) -> np.ndarray:
        """Restore one picture.

        Where memory would not suffice, or runs out, it is restored in tiles, which is reported.

        Args:
            image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
            name: what messages call the picture.
            options: tiles, self-ensemble, size of the result.

        Returns:
            An array of the same depth and channels, height and width times the model's scale, or
            times `options.outscale`. Transparency is kept as it is, resized alike.

        Raises:
            ImageError: the array is no such picture, it does not fit into memory even in the
                smallest tiles, or the model gave values that are not finite.
        """
        _check(image, name)
        colours = image[..., :3]
        tiling = self._chooser.choose(colours, name, options.tile, options.tile_overlap)
        while True:
            work = partial(self._restore_in, tiling, colours, name, options)
            restored = unless_out_of_memory(work, self.device)
            if restored is not None:
                break
            tiling = self._smaller(tiling, image.shape[:2], name, options)
        if image.shape[2] < 4:
            return restored
        return np.dstack([restored, _resized(image[..., 3:], *restored.shape[:2])])

    def _smaller(
        self, tiling: Tiling, size: tuple[int, int], name: str, options: RestoreOptions
    ) -> Tiling:
        """What to try after memory ran out."""
        smaller = self._chooser.smaller(size, tiling, options.tile_overlap)
        if smaller is None:
            raise ImageError(
                f"{name}: {size[1]}x{size[0]} pixels do not fit into the memory of {self.device}, "
                "nor do tiles of it; make the picture smaller or use a device with more memory"
            )
        _log.warning(
            "%s: %d pixels at once did not fit into the memory of %s; "
            "restored anew in tiles of %d pixels",
            *(name, window_pixels(size, tiling), self.device, smaller.tile),
        )
        return smaller

    def _restore_in(
        self, tiling: Tiling, image: np.ndarray, name: str, options: RestoreOptions
    ) -> np.ndarray:
        """Restore gray or RGB, HWC, in these tiles; rounded once, at the very end."""
        height, width, channels = image.shape
        scale = self.descriptor.scale
        self._tell_difference(tiling, image, name)
        to_integers = to_uint16 if image.dtype == np.uint16 else to_uint8
        if not options.self_ensemble and options.outscale is None:
            result = np.empty((height * scale, width * scale, channels), image.dtype)
            for place, piece in self._pieces(tiling, image, name):
                result[place] = to_integers(piece)
            return result
        turns = _TURNS if options.self_ensemble else _TURNS[:1]
        total = np.zeros((height * scale, width * scale, channels), np.float32)
        for turn in turns:
            turned = _turned(total, turn)  # a view: what is added to it is turned back in total
            for place, piece in self._pieces(tiling, _turned(image, turn), name):
                turned[place] += piece.movedim(0, -1).cpu().numpy()
        total /= len(turns)
        if options.outscale is not None:
            total = resize_bicubic(total, *options.size_of(height, width))
        return to_integers(torch.from_numpy(total).movedim(-1, 0))

    def _pieces(
        self, tiling: Tiling, image: np.ndarray, name: str
    ) -> Iterator[tuple[Place, Tensor]]:
        """Restore gray or RGB, HWC, piece by piece: where each belongs, and it, float32 CHW."""
        size = image.shape[:2]
        whole = tiling.covers(size)
        seen = None if whole else self._network.look(image)

        def restore(rows: slice, columns: slice) -> Tensor:
            return self._network.restore(image[rows, columns], seen, rows.start, columns.start)

        pieces = restored_pieces(restore, size, tiling, self.descriptor.scale)
        count = count_pieces(size, tiling)
        hidden = True if whole else None  # None: shown on a terminal
        for place, piece in tqdm(pieces, name, count, leave=False, unit="tile", disable=hidden):
            if not bool(torch.isfinite(piece).all()):
                raise ImageError(f"{name}: the model gave values that are not finite")
            yield place, piece

    def _tell_difference(self, tiling: Tiling, image: np.ndarray, name: str) -> None:
        """Measure, once, what tiles change where they cannot give the whole picture's result.

        A part of the picture that goes through at once, and is thus known to fit into memory, is
        restored whole and in tiles of half its size.
        """
        size = image.shape[:2]
        if self._difference_told or tiling.covers(size) or self._chooser.is_exact(tiling):
            return
        self._difference_told = True
        top, left = (max(0, (length - tiling.window) // 2) for length in size)
        part = image[top : top + tiling.window, left : left + tiling.window]
        halves = self._chooser.tiling(max(1, tiling.window // 2), tiling.overlap)
        whole, tiled = (
            self._restore_in(how, part, name, DEFAULTS).astype(np.float32)
            for how in (self._chooser.whole(part.shape[:2]), halves)
        )
        levels = np.abs(whole - tiled) * (255 / np.iinfo(image.dtype).max)
        _log.warning(
            "tiles change the result: %s; on %dx%d pixels of %s, tiles of %d changed gray levels "
            "(of 255) by %.1f at most, %.2f on average",
            "the overlap is less than the receptive field"
            if self._network.local
            else f"{type(self.model).__name__} looks at the whole picture",
            *(part.shape[1], part.shape[0], name, halves.tile, levels.max(), levels.mean()),
        )


def _check(image: np.ndarray, name: str) -> None:
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or image.size == 0:
        raise ImageError(f"{name}: an array of shape {image.shape} is not a picture (HWC)")
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: has values of type {image.dtype}; 8 or 16 bit are restored")


def _turned(image: np.ndarray, turn: int) -> np.ndarray:
    """A view of an HWC picture in one of the eight orientations that its grid of pixels has."""
    return np.rot90(image if turn < 4 else image[:, ::-1], turn % 4)


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An HWC picture at another size, same depth; the same array at its own."""
    if image.shape[:2] == (height, width):
        return image
    to_integers = to_uint16 if image.dtype == np.uint16 else to_uint8
    planes = to_tensor(image).movedim(0, -1).numpy()
    resized = resize_bicubic(planes, height, width)
    return to_integers(torch.from_numpy(resized).movedim(-1, 0))
