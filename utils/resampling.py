"""Resampling of pictures with the bicubic kernel that super-resolution is measured by.

It is the one of MATLAB's `imresize`: Keys' cubic convolution with a = -0.5 (R. Keys, "Cubic
Convolution Interpolation for Digital Image Processing", 1981, eq. 15), stretched by the factor
where the picture shrinks so that nothing aliases, and the picture mirrored at its edges, the edge
pixel included. Published x2, x3 and x4 figures start from inputs made this way; OpenCV's and
PyTorch's cubics (a = -0.75, no stretching) give others.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

_SUPPORT = 4.0  # pixels that the kernel spans
_STRIP = 2**21  # pixels that are resized together where a picture comes in bands


def resize_bicubic(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """`image` (H, W, C), float32, as (height, width, C).

    Values may overshoot the range of the picture's by about an eighth of it at hard edges.
    """
    return _resize_columns(_resize_rows(image, height), width)


def resized_bands(
    bands: Iterable[np.ndarray], size: tuple[int, int], resized: tuple[int, int]
) -> Iterator[np.ndarray]:
    """`resize_bicubic`, to the bit, of a picture of which nobody needs to hold all.

    Args:
        bands: its rows from top to bottom, several at a time, (rows, W, C) float32.
        size: its height and width.
        resized: those of the result.

    Yields:
        The result's rows from top to bottom, likewise.
    """
    matrix = _matrix(size[0], resized[0])
    indices, _ = bicubic_taps(size[0], resized[0])
    # Which rows each row of the result, and all below it (above it), need.
    firsts = np.minimum.accumulate(indices.min(axis=1)[::-1])[::-1]
    ends = np.maximum.accumulate(indices.max(axis=1)) + 1
    most = max(1, _STRIP // max(size[1], resized[1]))
    held, top, done = None, 0, 0
    for band in bands:
        held = band if held is None else np.concatenate([held, band])
        bottom = top + len(held)
        ready = int(np.searchsorted(ends, bottom, side="right"))
        for begin in range(done, ready, most):
            taps = matrix[begin : min(begin + most, ready), top:bottom]
            yield _resize_columns(_combined(taps, held), resized[1])
        done = ready
        needed = int(firsts[done]) if done < len(firsts) else bottom
        held, top = held[needed - top :].copy(), needed


def resize_bicubic_batch(images: Tensor, height: int, width: int) -> Tensor:
    """`resize_bicubic` of floating NCHW pictures, on their device and in their type."""
    return _resize_lines(_resize_lines(images, height).mT, width).mT.contiguous()


@lru_cache(maxsize=64)
def bicubic_taps(length: int, resized: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a line of `length` make each of `resized` pixels, and how much of each.

    Returns:
        indices, int64, and weights, float64, both (resized, taps); a pixel's weights sum to 1.
    """
    step = length / resized
    stretch = max(1.0, step)
    reach = _SUPPORT / 2 * stretch
    # Both lines span the same interval, and a pixel's position is its centre.
    centres = (np.arange(resized) + 0.5) * step - 0.5
    first = np.ceil(centres - reach).astype(np.int64)
    indices = first[:, None] + np.arange(int(np.ceil(2 * reach)) + 1)
    weights = _cubic((centres[:, None] - indices) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights.any(axis=0)
    return _mirrored(indices[:, used], length), weights[:, used]


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel, a = -0.5: 1 at 0, 0 at every other whole number, 0 from 2 on."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _mirrored(indices: np.ndarray, length: int) -> np.ndarray:
    """Indices beyond a line's ends, led back into it: 1 0 | 0 1 2 ... n | n n-1."""
    indices = indices % (2 * length)
    return np.where(indices < length, indices, 2 * length - 1 - indices)


@lru_cache(maxsize=64)
def _matrix(length: int, resized: int) -> csr_array:
    """The taps as a sparse (resized, length) matrix: one product resizes all lines at once."""
    indices, weights = bicubic_taps(length, resized)
    ends = np.arange(resized + 1) * indices.shape[1]
    values = weights.astype(np.float32).ravel()
    return csr_array((values, indices.ravel(), ends), shape=(resized, length))


def _resize_rows(image: np.ndarray, resized: int) -> np.ndarray:
    rows = len(image)
    return image if rows == resized else _combined(_matrix(rows, resized), image)


def _resize_columns(image: np.ndarray, resized: int) -> np.ndarray:
    return np.ascontiguousarray(_resize_rows(image.swapaxes(0, 1), resized).swapaxes(0, 1))


def _combined(taps: csr_array, image: np.ndarray) -> np.ndarray:
    """The rows that a matrix of taps makes of a picture's."""
    rows, *form = image.shape
    return (taps @ np.ascontiguousarray(image).reshape(rows, -1)).reshape(-1, *form)


def _resize_lines(images: Tensor, resized: int) -> Tensor:
    """NCHW pictures with `resized` rows, which lie whole in memory and so are quickly gathered."""
    length = images.shape[-2]
    if length == resized:
        return images
    indices, weights = map(torch.from_numpy, bicubic_taps(length, resized))
    images, indices = images.contiguous(), indices.to(images.device)
    weights = weights.to(images)[..., None]
    # Tap by tap: gathering all of them at once would hold the picture many times in memory.
    result = images.index_select(-2, indices[:, 0]).mul_(weights[:, 0])
    for tap in range(1, indices.shape[1]):
        result.addcmul_(images.index_select(-2, indices[:, tap]), weights[:, tap])
    return result
