"""From a picture file's bytes to upright pixels.

OpenCV decodes what it decodes right: it is fast and keeps 16 bits. Pillow decodes TIFF of 8 bits,
whose colours OpenCV would multiply by their opacity.
"""

import io
import mmap
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageOps

from utils.errors import ImageError, ImageFormatError
from utils.image_headers import ImageHeader

# What is wrong with a file is told by the error that names it, not by OpenCV as well.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_FATAL)

_PACKED = 12  # bits of a TIFF, which OpenCV moves up to be 16
_PACKED_PEAK = 4095 << 4
_RGB_ORDER = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image[::-1].swapaxes(0, 1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


def decode(data: bytes, header: ImageHeader, name: str) -> np.ndarray:
    """Decode a whole file.

    Args:
        data: the file.
        header: what `read_header` says of it.
        name: stands in error messages.

    Returns:
        HWC, upright, uint8 or uint16: gray, RGB or RGBA; gray with transparency comes as RGBA.

    Raises:
        ImageError: naming `name`, when the file is damaged or of a kind that is not read.
    """
    if header.kind == "JPEG" and not jpeg_ends(data):
        raise _damaged(name)
    if header.kind == "TIFF" and header.bits == 8:
        return _with_pillow(data, name)
    return _with_opencv(data, header, name)


def _with_pillow(data: bytes, name: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)  # nothing to do where load has done it
    except Exception as error:  # hostile bytes make Pillow's parsers raise nearly anything
        raise _damaged(name) from error
    if upright.mode in ("1", "L"):
        return np.asarray(upright.convert("L"))[..., None]
    return np.asarray(upright.convert("RGBA" if upright.mode in ("LA", "PA", "RGBA") else "RGB"))


def _with_opencv(data: bytes, header: ImageHeader, name: str) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f"{name}: cannot be decoded: {error.err}") from error
    if image is None:
        raise _damaged(name)
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageFormatError(f"{name}: holds {image.dtype} values; only 8 and 16 bits are read")
    if image.ndim == 2:
        image = image[..., None]
    if header.bits == _PACKED:
        image = np.rint(image * (65535 / _PACKED_PEAK)).astype(np.uint16)
    if header.min_is_white:  # OpenCV inverts 8 bits only
        image = np.iinfo(image.dtype).max - image
    if image.shape[2] in _RGB_ORDER:
        image = cv2.cvtColor(image, _RGB_ORDER[image.shape[2]])
    if header.clear_level is not None:
        image = _with_clear_level(image[..., :1], header.clear_level)
    if header.premultiplied and image.shape[2] == 4:
        image = _unmultiplied(image)
    if header.kind == "TIFF":  # OpenCV turns it itself
        return image
    return _UPRIGHT.get(header.orientation, lambda same: same)(image)


def _with_clear_level(gray: np.ndarray, level: int) -> np.ndarray:
    """RGBA of a gray picture in which one level stands for full transparency."""
    opaque = np.where(gray == level, 0, np.iinfo(gray.dtype).max).astype(gray.dtype)
    return np.concatenate([gray, gray, gray, opaque], axis=2)


def _unmultiplied(image: np.ndarray) -> np.ndarray:
    """RGBA whose colours were stored multiplied by their opacity, as they were before."""
    peak = np.iinfo(image.dtype).max
    opacity = np.maximum(image[..., 3:].astype(np.float64) / peak, 1 / peak)
    colours = np.rint(np.minimum(image[..., :3] / opacity, peak)).astype(image.dtype)
    return np.concatenate([colours, image[..., 3:]], axis=2)


def _damaged(name: str) -> ImageError:
    return ImageError(f"{name}: the file is damaged or incomplete")


def jpeg_ends(data: bytes | mmap.mmap) -> bool:
    """Whether the scan is followed by an end mark; decoders fill a missing rest with gray."""
    position = 2
    while data[position : position + 1] == b"\xff":
        marker = data[position + 1 : position + 2]
        if marker == b"\xda":
            return data.find(b"\xff\xd9", position) >= 0
        if marker == b"\xff":
            position += 1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position < len(data)  # bytes between segments: the decoder shall judge
