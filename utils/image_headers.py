"""What a picture's file says about itself before it is decoded."""

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from utils.errors import ImageError, ImageFormatError, ImageTooLargeError
from utils.image_kinds import FORMATS, unread_jpeg, unread_kind, unread_tiff

_ORIENTATION_TAG = 0x0112
_ORIENTATIONS = range(1, 9)
_UPRIGHT = 1
_WIDTH_TAG, _HEIGHT_TAG, _BITS_TAG, _PHOTOMETRIC_TAG = 256, 257, 258, 262  # of TIFF
_EXTRA_TAG = 338
_MIN_IS_WHITE, _ASSOCIATED_ALPHA = 0, 1
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH = 24  # where IHDR states the bits of a sample, and behind it the kind of colour
_PNG_GRAY, _PNG_GRAY_ALPHA = 0, 4
# Pillow warns above its limit and refuses above twice that: OpenCV's own limit then.
Image.MAX_IMAGE_PIXELS = 2**29
_REFUSED_MODES = {"CMYK": "CMYK", "LAB": "CIELAB", "HSV": "HSV"}


@dataclass(frozen=True)
class ImageHeader:
    """A picture's form.

    Attributes:
        kind: PNG, JPEG, TIFF, WEBP or BMP.
        height: rows as stored, before orientation.
        width: columns as stored.
        orientation: EXIF's, 1 to 8; 1 is upright.
        gray: whether it holds gray levels only, by its colour mode.
        alpha: whether it has transparency.
        bits: for each value: 8, as which fewer are read, or 12 or 16, read as 16.
        min_is_white: a TIFF whose zero is white.
        premultiplied: a TIFF whose colours are stored multiplied by their opacity.
        clear_level: the level of a gray PNG, as it is decoded, that stands for transparency.
    """

    kind: str
    height: int
    width: int
    orientation: int
    gray: bool
    alpha: bool
    bits: int
    min_is_white: bool = False
    premultiplied: bool = False
    clear_level: int | None = None

    @property
    def upright(self) -> tuple[int, int]:
        """Height and width of the picture as people see it."""
        turned = self.orientation >= 5
        return (self.width, self.height) if turned else (self.height, self.width)


def image_header(path: str | Path) -> ImageHeader:
    """The header of a file.

    Raises:
        ImageError: naming the file, when it is not a readable picture.
    """
    refuse_special_file(path)
    try:
        with Path(path).open("rb") as stream:
            return read_header(stream, str(path))
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror or error}") from error


def refuse_special_file(path: str | Path) -> None:
    """Refuse a named pipe or a device, whose reader might wait for ever.

    Raises:
        ImageError: naming the file.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:  # which whoever opens it tells
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ImageError(f"{path}: is a pipe or a device, not a file", str(path))


def read_header(stream: BinaryIO, name: str) -> ImageHeader:
    """The header of a picture in an open file or in memory; `name` stands in error messages.

    Raises:
        ImageFormatError: naming `name`, when it is in a format or colour space not read.
        ImageTooLargeError: naming `name`, when it has more pixels than Pillow opens.
        ImageError: naming `name`, when it is empty or no picture.
    """
    if not stream.read(1):
        raise ImageError(f"{name}: the file is empty")
    stream.seek(0)
    try:
        with Image.open(stream, formats=FORMATS) as image:
            kind = _unread(image, stream)
            header = _header_of(image, stream) if kind is None else None
    except Image.UnidentifiedImageError as error:
        raise _unidentified(stream, name) from error
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"{name}: is too large to be read: {error}") from error
    except Exception as error:  # hostile bytes make Pillow's parsers raise nearly anything
        raise ImageError(f"{name}: cannot be read: {error}") from error
    if header is None:
        raise _not_read(name, str(kind))
    return header


def _unread(image: Image.Image, stream: BinaryIO) -> str | None:
    """The kind of a picture that is not read, of those that Pillow can open."""
    if image.mode in _REFUSED_MODES:
        return f"{_REFUSED_MODES[image.mode]} pictures"
    if image.format == "TIFF":
        return unread_tiff(image.tag_v2)  # type: ignore[attr-defined]
    return unread_jpeg(stream) if image.format in ("JPEG", "MPO") else None


def _unidentified(stream: BinaryIO, name: str) -> ImageError:
    """What is wrong with a file that is none of the pictures that are read."""
    kind = unread_kind(stream)
    if kind is None:
        return ImageError(f"{name}: is not a PNG, JPEG, TIFF, WebP or BMP picture")
    return _not_read(name, kind)


def _not_read(name: str, kind: str) -> ImageFormatError:
    return ImageFormatError(f"{name}: {kind} are not read; convert it to a PNG in RGB or gray")


def _header_of(image: Image.Image, stream: BinaryIO) -> ImageHeader:
    if image.format == "TIFF":
        return _tiff_header(image)
    if image.format == "PNG":
        return _png_header(image, stream)
    return ImageHeader(
        kind="JPEG" if image.format == "MPO" else str(image.format),
        height=image.height,
        width=image.width,
        orientation=_orientation(image.getexif().get(_ORIENTATION_TAG)),
        gray=image.mode in ("1", "L"),
        alpha=image.mode == "RGBA",
        bits=8,
    )


def _tiff_header(image: Image.Image) -> ImageHeader:
    # Newer Pillow gives a TIFF's size already turned; the tags say what is stored.
    tags = image.tag_v2  # type: ignore[attr-defined]
    return ImageHeader(
        kind="TIFF",
        height=int(tags[_HEIGHT_TAG]),
        width=int(tags[_WIDTH_TAG]),
        orientation=_orientation(tags.get(_ORIENTATION_TAG)),
        gray=image.mode.startswith(("1", "L", "I")),
        alpha=image.mode in ("RGBA", "LA", "PA"),
        bits=max(8, *tags.get(_BITS_TAG, (1,))),
        min_is_white=tags.get(_PHOTOMETRIC_TAG) == _MIN_IS_WHITE,
        premultiplied=tags.get(_EXTRA_TAG, (0,))[0] == _ASSOCIATED_ALPHA,
    )


def _png_header(image: Image.Image, stream: BinaryIO) -> ImageHeader:
    stream.seek(_PNG_DEPTH)
    bits, color = stream.read(2)
    clear = image.info.get("transparency")
    if color == _PNG_GRAY and clear is not None:
        clear = int(clear) * (255 // (2**bits - 1) if bits < 8 else 1)
    return ImageHeader(
        kind="PNG",
        height=image.height,
        width=image.width,
        orientation=_orientation(_png_orientation(stream)),
        gray=color in (_PNG_GRAY, _PNG_GRAY_ALPHA),
        alpha=image.mode in ("RGBA", "LA") or clear is not None,
        bits=max(8, bits),
        clear_level=clear if color == _PNG_GRAY else None,
    )


def _orientation(value: int | None) -> int:
    return value if value is not None and value in _ORIENTATIONS else _UPRIGHT


def _png_orientation(stream: BinaryIO) -> int:
    # Pillow would decode the whole picture to find an eXIf chunk that stands behind it.
    stream.seek(len(_PNG_SIGNATURE))
    while len(head := stream.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"eXIf":
            exif = Image.Exif()
            exif.load(b"Exif\x00\x00" + stream.read(length))
            return exif.get(_ORIENTATION_TAG, 1)
        if kind == b"IEND":
            break
        stream.seek(length + 4, io.SEEK_CUR)
    return _UPRIGHT
