"""Pictures on disk and in memory: reading, writing, and the step between 8 or 16 bits and [0, 1].

Arrays are height x width x channels, RGB order, uint8 or uint16, one channel for gray. Pillow reads
the header (size, colour mode, orientation); OpenCV or Pillow decodes, OpenCV encodes.
"""

import io
from pathlib import Path

import cv2
import numpy as np
import torch

from utils.errors import ImageError
from utils.files import atomic_write_bytes
from utils.image_decoding import decode
from utils.image_headers import ImageHeader, image_header, read_header, refuse_special_file
from utils.phases import phase

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")

_ENCODING = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".tif": [cv2.IMWRITE_TIFF_COMPRESSION, 8],  # Deflate: more readers have it than LZW
    ".tiff": [cv2.IMWRITE_TIFF_COMPRESSION, 8],
}
# Pixels of a side, beyond which encoders refuse.
_LONGEST = {".png": 10**6, ".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}
MOST_PIXELS = 2**30  # of a picture that can be read: OpenCV's limit
_DEEP_SUFFIXES = (".png", ".tif", ".tiff")
_ALPHA_SUFFIXES = (".png", ".tif", ".tiff", ".webp")


def list_images(folder: str | Path) -> list[Path]:
    """The pictures directly inside `folder`, by suffix (any case), sorted by name; no hidden files.

    A link to a file that is gone is among them, so that reading it says so.

    Raises:
        ImageError: `folder` is not a folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError(f"{folder}: no such folder")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and (path.is_file() or not path.exists())
    )


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width of the upright picture, from the file's header only.

    Raises:
        ImageError: naming the file, when it is not a readable picture.
    """
    return image_header(path).upright


@phase("reading pictures")
def read_image(
    path: str | Path, channels: int | None = None, keep_alpha: bool = False
) -> np.ndarray:
    """Read a picture upright: HWC, RGB, uint8 or, for 16-bit PNG and TIFF, uint16.

    Args:
        path: a PNG, JPEG, TIFF, WebP or BMP file; the content decides, not the suffix.
        channels: 1 for gray (BT.601 luma of colour), 3 for RGB, None for what the file holds.
        keep_alpha: give a fourth channel where the file has transparency (gray then becomes RGB);
            otherwise transparency is dropped.

    Raises:
        ImageError: naming the file (`file` too), when it is missing, damaged or in a colour space
            not read.
    """
    refuse_special_file(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = f"{path}: cannot be read: {error.strerror or error}"
        raise ImageError(reason, str(path)) from error
    try:
        return decode_image(data, str(path), channels, keep_alpha)
    except ImageError as error:
        error.file = str(path)
        raise


def decode_image(
    data: bytes, name: str, channels: int | None = None, keep_alpha: bool = False
) -> np.ndarray:
    """Like `read_image`, from a file's bytes; `name` stands in error messages.

    Raises:
        ImageError: naming `name`, when the bytes are not a readable picture.
        ValueError: `channels` is not 1, 3 or None, or alpha is to be kept in a gray picture.
    """
    if channels not in (1, 3, None) or (keep_alpha and channels == 1):
        raise ValueError(f"cannot read channels={channels}, keep_alpha={keep_alpha}")
    header = read_header(io.BytesIO(data), name)
    image = decode(data, header, name)
    return np.ascontiguousarray(_to_channels(image, header, channels, keep_alpha))


@phase("writing pictures")
def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write a picture in the format its suffix names, whole or not at all.

    Args:
        path: JPEG is written at quality 95, WebP without loss; 16 bits fit PNG and TIFF only.
        image: HWC gray, RGB or RGBA, or HW gray; uint8 or uint16.

    Raises:
        ImageError: naming the file, when the format cannot hold the picture.
        PellucidError: naming the file, when the file system refuses.
    """
    path = Path(path)
    atomic_write_bytes(path, encode_image(image, path.suffix.lower(), str(path)))


def encode_png(image: np.ndarray) -> bytes:
    """The bytes of a PNG file that holds `image` (as for `write_image`).

    Raises:
        ImageError: the array is not a picture.
    """
    return encode_image(image, ".png", "PNG")


def encode_image(image: np.ndarray, suffix: str, name: str) -> bytes:
    """Like `write_image`, to a file's bytes; `name` stands in error messages.

    Raises:
        ImageError: naming `name`, when the format of `suffix` cannot hold the picture.
    """
    planes = image[..., None] if image.ndim == 2 else image
    if planes.ndim != 3 or planes.shape[2] not in (1, 3, 4) or planes.size == 0:
        raise ImageError(f"{name}: an array of shape {image.shape} is not a picture")
    if planes.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: a picture is uint8 or uint16, not {image.dtype}")
    if suffix not in SUFFIXES:
        raise ImageError(f"{name}: cannot write {suffix or 'no suffix'}; use {' '.join(SUFFIXES)}")
    if planes.dtype == np.uint16 and suffix not in _DEEP_SUFFIXES:
        raise ImageError(f"{name}: {suffix} holds 8 bits only; write PNG or TIFF")
    if planes.shape[2] == 4 and suffix not in _ALPHA_SUFFIXES:
        raise ImageError(f"{name}: {suffix} holds no transparency; write PNG, TIFF or WebP")
    check_sides(planes.shape[0], planes.shape[1], suffix, name)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[planes.shape[2]]
    options = _ENCODING.get(suffix, [])
    try:
        done, data = cv2.imencode(suffix, np.ascontiguousarray(planes[..., order]), options)
    except cv2.error as error:
        raise ImageError(f"{name}: cannot be encoded: {error.err}") from error
    if not done:
        raise ImageError(f"{name}: cannot be encoded at {planes.shape[1]}x{planes.shape[0]} px")
    return data.tobytes()


def check_sides(height: int, width: int, suffix: str, name: str) -> None:
    """Refuse a size that the format of `suffix` does not hold.

    Raises:
        ImageError: naming `name`.
    """
    longest = _LONGEST.get(suffix)
    if longest is not None and max(height, width) > longest:
        raise ImageError(
            f"{name}: cannot be {width}x{height} pixels; {suffix} ends at {longest:,} to a side"
        )


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """An HWC uint8 or uint16 picture as a float32 CHW tensor in [0, 1]."""
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a picture is uint8 or uint16, not {image.dtype}")
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(planes / np.float32(np.iinfo(image.dtype).max))


def to_uint8(tensor: torch.Tensor) -> np.ndarray:
    """A CHW or NCHW tensor in [0, 1] as an HWC or NHWC uint8 array: clamped, rounded."""
    return _to_integers(tensor, np.uint8)


def to_uint16(tensor: torch.Tensor) -> np.ndarray:
    """A CHW or NCHW tensor in [0, 1] as an HWC or NHWC uint16 array: clamped, rounded."""
    return _to_integers(tensor, np.uint16)


def to_8_bit(image: np.ndarray) -> np.ndarray:
    """A uint8 or uint16 picture as uint8: 65535 = 255 * 257, rounded."""
    if image.dtype == np.uint8:
        return image
    return np.rint(image / np.float32(257)).astype(np.uint8)


def _to_integers(tensor: torch.Tensor, dtype: type[np.unsignedinteger]) -> np.ndarray:
    scaled = tensor.detach().float().clamp(0, 1).mul(np.iinfo(dtype).max).round()
    return np.ascontiguousarray(scaled.movedim(-3, -1).cpu().numpy().astype(dtype))


def _to_channels(
    image: np.ndarray, header: ImageHeader, channels: int | None, keep_alpha: bool
) -> np.ndarray:
    """A decoded picture with the channels asked for."""
    if image.shape[2] == 4 and header.alpha and keep_alpha:
        return image
    if image.shape[2] >= 3 and header.gray:
        image = image[..., :1]  # gray with transparency was decoded to three equal channels
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2) if channels == 3 else image
    colours = image[..., :3]
    if channels == 1:
        return cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY)[..., None]
    return colours
