"""One picture in, one restored picture out: the only inference path there is.

Evaluation measures the same forward pass, and every tool and service restores through here, so
that what was measured is what people get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

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
from engine.tiling import Tiling, count_pieces, restored_pieces
from modeling.descriptor import Descriptor
from utils.errors import ImageError
from utils.image_rows import Canvas, Pixels, Place
from utils.images import to_tensor, to_uint8, to_uint16
from utils.logging import get_logger
from utils.resampling import resize_bicubic

_log = get_logger(__name__)

Result = TypeVar("Result")
CanvasKind = TypeVar("CanvasKind", bound=Canvas)

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
        tiling = self._tiling_of(image, name, options)
        colours = image[..., :3]
        work = partial(self._restore_in, image=colours, name=name, options=options)
        restored = self._in_memory(work, tiling, image.shape[:2], name, options)
        if image.shape[2] < 4:
            return restored
        return np.dstack([restored, _resized(image[..., 3:], *restored.shape[:2])])

    def goes_in_parts(self, picture: Pixels, name: str, options: RestoreOptions) -> bool:
        """Whether a picture is restored in tiles, each of which is final: `restore_into` serves.

        Raises:
            ImageError: the array is no such picture.
        """
        if options.self_ensemble or options.outscale is not None:
            return False  # these put together, or resample, what all of the picture became
        if picture.shape[2] == 4 and self.descriptor.scale > 1:
            return False  # the transparency is resampled
        return not self._tiling_of(picture, name, options).covers(picture.shape[:2])

    def restore_into(
        self,
        picture: Pixels,
        new_canvas: Callable[[tuple[int, ...]], CanvasKind],
        name: str = "picture",
        options: RestoreOptions = DEFAULTS,
    ) -> CanvasKind:
        """Restore a picture that `goes_in_parts`, of which nobody needs to hold all.

        Args:
            picture: as for `restore`, or what gives its parts.
            new_canvas: makes, from height, width and channels, what the result's parts are put
                on, row of tiles by row of tiles; called anew where memory ran out amid one.
            name: what messages call the picture.
            options: tiles.

        Returns:
            The last canvas, with the whole result on it: what `restore` gives, to the bit.

        Raises:
            ImageError: as `restore` does.
        """
        height, width, channels = picture.shape
        scale = self.descriptor.scale

        def work(tiling: Tiling) -> CanvasKind:
            self._tell_difference(tiling, picture, name)
            canvas = new_canvas((height * scale, width * scale, channels))
            self._fill(canvas, tiling, picture, name)
            return canvas

        tiling = self._tiling_of(picture, name, options)
        return self._in_memory(work, tiling, (height, width), name, options)

    def _tiling_of(self, picture: Pixels, name: str, options: RestoreOptions) -> Tiling:
        _check(picture, name)
        return self._chooser.choose(picture, name, options.tile, options.tile_overlap)

    def _in_memory(
        self,
        work: Callable[[Tiling], Result],
        tiling: Tiling,
        size: tuple[int, ...],
        name: str,
        options: RestoreOptions,
    ) -> Result:
        """What `work` gives in these tiles, or in smaller ones where memory runs out."""
        while True:
            result = unless_out_of_memory(partial(work, tiling), self.device)
            if result is not None:
                return result
            tiling = self._smaller(tiling, size, name, options)

    def _smaller(
        self, tiling: Tiling, size: tuple[int, ...], name: str, options: RestoreOptions
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
        if not options.self_ensemble and options.outscale is None:
            result = np.empty((height * scale, width * scale, channels), image.dtype)
            self._fill(result, tiling, image, name)
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
        return _to_depth(torch.from_numpy(total).movedim(-1, 0), image.dtype)

    def _fill(self, canvas: Canvas, tiling: Tiling, image: Pixels, name: str) -> None:
        """Put restored piece by piece on `canvas`, beside it the transparency as it is."""
        for place, piece in self._pieces(tiling, image, name):
            restored = _to_depth(piece, image.dtype)
            if image.shape[2] == 4:
                restored = np.dstack([restored, image[place][..., 3:]])
            canvas[place] = restored

    def _pieces(self, tiling: Tiling, image: Pixels, name: str) -> Iterator[tuple[Place, Tensor]]:
        """Restore the colours piece by piece: where each belongs, and it, float32 CHW."""
        size = (image.shape[0], image.shape[1])
        whole = tiling.covers(size)
        seen = None if whole else self._network.look(image)

        def restore(rows: slice, columns: slice) -> Tensor:
            part = image[rows, columns][..., :3]
            return self._network.restore(part, seen, rows.start, columns.start)

        pieces = restored_pieces(restore, size, tiling, self.descriptor.scale)
        count = count_pieces(size, tiling)
        hidden = True if whole else None  # None: shown on a terminal
        for place, piece in tqdm(pieces, name, count, leave=False, unit="tile", disable=hidden):
            if not bool(torch.isfinite(piece).all()):
                raise ImageError(f"{name}: the model gave values that are not finite")
            yield place, piece

    def _tell_difference(self, tiling: Tiling, image: Pixels, name: str) -> None:
        """Measure, once, what tiles change where they cannot give the whole picture's result.

        A part of the picture that goes through at once, and is thus known to fit into memory, is
        restored whole and in tiles of half its size.
        """
        size = image.shape[:2]
        if self._difference_told or tiling.covers(size) or self._chooser.is_exact(tiling):
            return
        self._difference_told = True
        top, left = (max(0, (length - tiling.window) // 2) for length in size)
        part = image[top : top + tiling.window, left : left + tiling.window][..., :3]
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


def _check(image: Pixels, name: str) -> None:
    if len(image.shape) != 3 or image.shape[2] not in (1, 3, 4) or 0 in image.shape:
        raise ImageError(f"{name}: an array of shape {image.shape} is not a picture (HWC)")
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: has values of type {image.dtype}; 8 or 16 bit are restored")


def _to_depth(tensor: Tensor, dtype: np.dtype) -> np.ndarray:
    """A CHW tensor in [0, 1] as an HWC picture of a depth, clamped and rounded."""
    return to_uint16(tensor) if dtype == np.uint16 else to_uint8(tensor)


def _turned(image: np.ndarray, turn: int) -> np.ndarray:
    """A view of an HWC picture in one of the eight orientations that its grid of pixels has."""
    return np.rot90(image if turn < 4 else image[:, ::-1], turn % 4)


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An HWC picture at another size, same depth; the same array at its own."""
    if image.shape[:2] == (height, width):
        return image
    planes = to_tensor(image).movedim(0, -1).numpy()
    resized = resize_bicubic(planes, height, width)
    return _to_depth(torch.from_numpy(resized).movedim(-1, 0), image.dtype)
