"""One picture in, one restored picture out: the only inference path there is.

Evaluation measures the same forward pass, and every tool and service restores through here, so
that what was measured is what people get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from engine.backends import device_for, run_by
from engine.interruption import stop_unless_wanted
from engine.memory import unless_out_of_memory
from engine.model_files import load_model
from engine.network import Network
from engine.picture_form import check_finite, check_form, check_held, to_depth, with_transparency
from engine.pieces import averaged, resized
from engine.precision import resolve_device, resolve_precision
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.tile_choice import TileChooser
from engine.tile_difference import measure_difference
from engine.tiling import Piece, Tiling, count_pieces, restored_pieces
from modeling.descriptor import Descriptor
from utils.image_rows import Canvas, Pixels
from utils.images import to_uint8
from utils.logging import get_logger

_log = get_logger(__name__)

CanvasKind = TypeVar("CanvasKind", bound=Canvas)


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
        self.architecture: str = getattr(model, "architecture", type(model).__name__)
        self._chooser = TileChooser(
            self.descriptor,
            self.device,
            self._network.local,
            self._network.reach,
            lambda image: to_uint8(self._network.restore(image)),
        )
        self._difference_told = False

    @classmethod
    def from_weights(
        cls, path: str | Path, device: str | torch.device = "auto", backend: str = "pytorch"
    ) -> Self:
        """A restorer from a weights file alone: its metadata says which model it belongs to.

        A config, .yml, serves too where its architecture comes with weights or has nothing to
        learn, and an .onnx file that tools/export_model.py wrote.

        The precision is the device's own ("auto"), whatever the training's was.

        Args:
            path: the file.
            device: "auto", "cpu", "cuda", or a device.
            backend: what computes the network: one of `engine.backends.BACKENDS`, see `run_by`
                there. An .onnx file takes none of PyTorch's.

        Raises:
            CheckpointError: the file cannot be read, does not fit its model, or, without a
                config, is of no architecture that spandrel knows.
            ConfigError: the device is not there, or what is given is a config that is wrong or
                needs weights, or file, device and back end do not go together.
        """
        # A wrong device is said before a large file is read.
        place = device_for(backend, device, path)
        return cls(run_by(backend, load_model(path), place), place)

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
            ImageTooLargeError: the result would not fit into memory, or into any picture file.
            ImageError: the array is no such picture, it does not fit into memory even in the
                smallest tiles, or the model gave values that are not finite.
        """
        check_form(image, name)
        height, width, _ = image.shape
        check_held(options.size_of(height, width, self.descriptor.scale, name), image, name)
        in_memory = partial(np.empty, dtype=image.dtype)
        return with_transparency(self.restore_into(image[..., :3], in_memory, name, options), image)

    def restore_many(
        self,
        images: Sequence[np.ndarray],
        names: Sequence[str],
        options: RestoreOptions = DEFAULTS,
    ) -> list[np.ndarray]:
        """Restore pictures of equal size, depth and channels, in batches where that is faster.

        What needs tiles, a self-ensemble or another size goes one by one. A batch may be added up
        in another order than a single picture: a value may round to the level beside `restore`'s.

        Args:
            images: each as for `restore`, and all of one shape and type.
            names: what messages call them.
            options: as for `restore`.

        Raises:
            ImageError: as `restore`, for the first picture concerned.
            ValueError: the pictures are not alike.
        """
        for image, name in zip(images, names, strict=True):
            check_form(image, name)
        if len({(image.shape, image.dtype) for image in images}) > 1:
            raise ValueError("only pictures of equal size, depth and channels share a batch")
        results: list[np.ndarray] = []
        while len(results) < len(images):
            rest = slice(len(results), None)
            results += self._restore_some(images[rest], names[rest], options)
        return results

    def _restore_some(
        self, images: Sequence[np.ndarray], names: Sequence[str], options: RestoreOptions
    ) -> list[np.ndarray]:
        """Restore as many of these pictures as go at once: the first ones, at least one."""
        alone = options.self_ensemble or options.outscale is not None or len(images) == 1
        tiling = None if alone else self._tiling_of(images[0], names[0], options)
        count = 1 if tiling is None else self._chooser.count_at_once(images, tiling)
        if count > 1:
            work = partial(self._restore_batch, images[:count], names[:count])
            batch = unless_out_of_memory(work, self.device)
            if batch is not None:
                return batch
            self._chooser.note_too_many(count * images[0].shape[0] * images[0].shape[1])
        return [self.restore(images[0], names[0], options)]

    def _restore_batch(
        self, images: Sequence[np.ndarray], names: Sequence[str]
    ) -> list[np.ndarray]:
        """Restore pictures, each whole and all at once."""
        stop_unless_wanted()
        outputs = self._network.restore_batch([image[..., :3] for image in images])
        for output, name in zip(outputs, names, strict=True):
            check_finite(output, name)
        restored = (to_depth(output, images[0].dtype) for output in outputs)
        return list(map(with_transparency, restored, images))

    def goes_in_parts(self, picture: Pixels, name: str, options: RestoreOptions) -> bool:
        """Whether a picture is restored in tiles, and `restore_into` can do it.

        Raises:
            ImageError: the array is no such picture.
        """
        resampled = self.descriptor.scale > 1 or options.outscale is not None
        if picture.shape[2] == 4 and resampled:
            return False  # so is the transparency, which `restore` does
        return not self._tiling_of(picture, name, options).covers(picture.shape[:2])

    def restore_into(
        self,
        picture: Pixels,
        new_canvas: Callable[[tuple[int, ...]], CanvasKind],
        name: str = "picture",
        options: RestoreOptions = DEFAULTS,
    ) -> CanvasKind:
        """Restore a picture of which nobody needs to hold all.

        Args:
            picture: as for `restore`, or what gives its parts; with transparency only where it
                `goes_in_parts`.
            new_canvas: makes, from height, width and channels, what the result's parts are put
                on, from left to right and from top to bottom; called anew where memory ran out
                amid one.
            name: what messages call the picture.
            options: as for `restore`. A self-ensemble holds the picture, and its result as
                float32.

        Returns:
            The last canvas, with the whole result on it: what `restore` gives, to the bit.

        Raises:
            ImageError: as `restore` does.
        """

        def work(tiling: Tiling) -> CanvasKind:
            self._tell_difference(tiling, picture, name)
            return self._restore_in(tiling, picture, new_canvas, name, options)

        tiling, size = self._tiling_of(picture, name, options), picture.shape[:2]
        return self._chooser.in_tiles_that_fit(work, tiling, size, name, options.tile_overlap)

    def _tiling_of(self, picture: Pixels, name: str, options: RestoreOptions) -> Tiling:
        check_form(picture, name)
        return self._chooser.choose(picture, name, options.tile, options.tile_overlap)

    def _restore_in(
        self,
        tiling: Tiling,
        image: Pixels,
        new_canvas: Callable[[tuple[int, ...]], CanvasKind],
        name: str,
        options: RestoreOptions,
    ) -> CanvasKind:
        """A new canvas with the result on it, beside it the transparency as it is."""
        height, width, channels = image.shape
        size = options.size_of(height, width, self.descriptor.scale, name)
        canvas = new_canvas((*size, channels))
        for place, piece in self._final_pieces(tiling, image, name, options):
            restored = to_depth(piece, image.dtype)
            if channels == 4:
                restored = np.dstack([restored, image[place][..., 3:]])
            canvas[place] = restored
        return canvas

    def _final_pieces(
        self, tiling: Tiling, image: Pixels, name: str, options: RestoreOptions
    ) -> Iterator[Piece]:
        """The pieces of the result; they are rounded later, and only once."""
        height, width, _ = image.shape
        scale = self.descriptor.scale
        pieces = partial(self._pieces, tiling, name=name)
        restored = averaged(pieces, image, scale) if options.self_ensemble else pieces(image)
        if options.outscale is None:
            return restored
        enlarged = (height * scale, width * scale)
        return resized(restored, enlarged, options.size_of(height, width, scale, name))

    def _pieces(self, tiling: Tiling, image: Pixels, name: str) -> Iterator[Piece]:
        """Restore the colours piece by piece: where each belongs, and it, float32 CHW."""
        size = (image.shape[0], image.shape[1])
        whole = tiling.covers(size)
        seen = None if whole else self._network.look(image)

        def restore(rows: slice, columns: slice) -> Tensor:
            stop_unless_wanted()
            part = image[rows, columns][..., :3]
            return self._network.restore(part, seen, rows.start, columns.start)

        pieces = restored_pieces(restore, size, tiling, self.descriptor.scale)
        count = count_pieces(size, tiling)
        hidden = True if whole else None  # None: shown on a terminal
        for place, piece in tqdm(pieces, name, count, leave=False, unit="tile", disable=hidden):
            check_finite(piece, name)
            yield place, piece

    def _tell_difference(self, tiling: Tiling, image: Pixels, name: str) -> None:
        """Say, once, what tiles change where they cannot give the whole picture's result."""
        size = image.shape[:2]
        if self._difference_told or tiling.covers(size) or self._chooser.is_exact(tiling):
            return
        self._difference_told = True
        reason = (
            "the overlap is less than the receptive field"
            if self._network.local
            else f"{self.architecture} looks at the whole picture"
        )

        def restore_in(how: Tiling, part: np.ndarray) -> np.ndarray:
            in_memory = partial(np.empty, dtype=part.dtype)
            return self._restore_in(how, part, in_memory, name, DEFAULTS)

        difference = measure_difference(restore_in, image, tiling, self._chooser)
        _log.warning("tiles change the result: %s; in %s, %s", reason, name, difference)
