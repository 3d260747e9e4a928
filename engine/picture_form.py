"""What a picture keeps while its colours are restored: depth, orientation, transparency."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from utils.errors import ImageError, ImageTooLargeError
from utils.free_memory import free_memory
from utils.image_rows import Pixels
from utils.images import to_tensor, to_uint8, to_uint16
from utils.resampling import resize_bicubic

TURNS = range(8)  # four quarter turns, and the same of the reflected picture
_HELD = 3  # times that a result is in memory: itself, in an encoder's order, and encoded


def check_form(image: Pixels, name: str) -> None:
    """Refuse what is no HWC picture of 8 or 16 bit.

    Raises:
        ImageError: naming `name`.
    """
    if len(image.shape) != 3 or image.shape[2] not in (1, 3, 4) or 0 in image.shape:
        raise ImageError(f"{name}: an array of shape {image.shape} is not a picture (HWC)")
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: has values of type {image.dtype}; 8 or 16 bit are restored")


def check_finite(output: Tensor, name: str) -> None:
    """Refuse what no picture can be made of.

    Raises:
        ImageError: naming `name`.
    """
    if not bool(torch.isfinite(output).all()):
        raise ImageError(f"{name}: the model gave values that are not finite")


def check_held(size: tuple[int, int], image: np.ndarray, name: str) -> None:
    """Refuse a result of this height and width, in the form of `image`, that memory cannot hold.

    Raises:
        ImageTooLargeError: naming `name`.
    """
    height, width = size
    needed = height * width * image.shape[2] * image.dtype.itemsize * _HELD
    free = free_memory()
    if free is not None and needed > free:
        raise ImageTooLargeError(
            f"{name}: would become {width}x{height} pixels, which take {needed / 1e9:.1f} GB of "
            f"memory, and {free / 1e9:.1f} GB are free; give a smaller factor or picture"
        )


def to_depth(tensor: Tensor, dtype: np.dtype) -> np.ndarray:
    """A CHW tensor in [0, 1] as an HWC picture of a depth, clamped and rounded."""
    return to_uint16(tensor) if dtype == np.uint16 else to_uint8(tensor)


def turned_to(image: np.ndarray, turn: int) -> np.ndarray:
    """A view of an HWC picture in one of the eight orientations that its grid of pixels has."""
    return np.rot90(image if turn < 4 else image[:, ::-1], turn % 4)


def with_transparency(restored: np.ndarray, image: np.ndarray) -> np.ndarray:
    """What became of the colours of a picture, HWC, with its transparency if it has one."""
    if image.shape[2] < 4:
        return restored
    return np.dstack([restored, _resized(image[..., 3:], *restored.shape[:2])])


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An HWC picture at another size, same depth; the same array at its own."""
    if image.shape[:2] == (height, width):
        return image
    planes = to_tensor(image).movedim(0, -1).numpy()
    resized = resize_bicubic(planes, height, width)
    return to_depth(torch.from_numpy(resized).movedim(-1, 0), image.dtype)
