"""Pictures larger than memory should hold: read and written a few rows at a time.

OpenImageIO decodes and encodes the rows; their pixels are those of `utils.images`.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import OpenImageIO

from utils.errors import ImageError, PellucidError
from utils.image_decoding import jpeg_ends
from utils.image_headers import ImageHeader, image_header
from utils.images import check_sides
from utils.phases import phase

ROW_SUFFIXES = (".png", ".tif", ".tiff")  # what can be written by rows

Place = tuple[slice, slice]  # rows and columns

_READ_KINDS = ("PNG", "TIFF", "JPEG")
# Of TIFF: what is in every build of OpenImageIO; others, such as ZSTD, some know by name only.
_READ_COMPRESSIONS = "none zip lzw packbits jpeg ccittrle ccittfax3 ccittfax4".split()
_TYPES = {np.dtype(np.uint8): OpenImageIO.UINT8, np.dtype(np.uint16): OpenImageIO.UINT16}
_PLAIN_COLOURS = "oiio:UnassociatedAlpha"  # not multiplied by their opacity
_ENCODING = {"compression": "zip", "png:compressionLevel": 1}  # of TIFF; of PNG
_BAND = 256  # rows that are read back at a time

OpenImageIO.attribute("threads", 1)  # threads of its own would not survive a fork


class Pixels(Protocol):
    """A picture, HWC uint8 or uint16, of which parts can be had: an array, or `PictureRows`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, channels."""

    @property
    def dtype(self) -> np.dtype:
        """uint8 or uint16."""

    def __getitem__(self, place: Place, /) -> np.ndarray:
        """The pixels at these rows and columns."""


class Canvas(Protocol):
    """What a picture is put together on: an array, or `RowWriter`."""

    def __setitem__(self, place: Place, pixels: np.ndarray, /) -> None:
        """Put pixels at these rows and columns."""


class PictureRows:
    """A picture file whose rows are decoded when they are asked for.

    Only the rows of the last part that was asked for are held. Whoever asks from top to bottom has
    the file decoded once; going back to rows above decodes it from its start again.

    Attributes:
        shape: height, width and channels: 1, 3, or 4 with transparency.
        dtype: uint8 or uint16.

    Raises:
        ImageError: naming the file, when it cannot be opened.
    """

    def __init__(self, path: Path, header: ImageHeader) -> None:
        self._path = path
        channels = 4 if header.alpha else 1 if header.gray else 3
        self.shape: tuple[int, ...] = (header.height, header.width, channels)
        self.dtype = np.dtype(np.uint16 if header.bits > 8 else np.uint8)
        plain = OpenImageIO.ImageSpec()
        plain.attribute(_PLAIN_COLOURS, 1)
        file = OpenImageIO.ImageInput.open(str(path), plain)
        if file is None or (header.kind == "JPEG" and not _jpeg_is_whole(path)):
            OpenImageIO.geterror()  # taken, so that it is not told again at the end of the program
            raise self._damaged()
        self._file = file
        self._held, self._top = self._no_rows(), 0

    def is_plain(self) -> bool:
        """Whether the file holds, row by row, what `utils.images.read_image` gives."""
        spec = self._file.spec()
        form = (spec.height, spec.width, spec.nchannels)
        kind = OpenImageIO.TypeDesc(_TYPES[self.dtype])
        if spec.getattribute("tiff:ColorSpace") == "palette" or spec.tile_width:
            return False
        compressed = "tiff:Compression" in spec and spec["compression"] not in _READ_COMPRESSIONS
        return form == self.shape and spec.format == kind and not compressed

    def __getitem__(self, place: Place) -> np.ndarray:
        """The pixels at these rows and columns.

        Raises:
            ImageError: naming the file, when it is damaged.
        """
        top, bottom, _ = place[0].indices(self.shape[0])
        end = self._top + len(self._held)
        if not self._top <= top <= end:
            self._held, self._top, end = self._no_rows(), top, top
        if bottom > end:
            kept = self._held[top - self._top :]
            self._held, self._top = np.concatenate([kept, self._decoded(end, bottom)]), top
        return self._held[top - self._top : bottom - self._top, place[1]]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @phase("reading pictures")
    def _decoded(self, top: int, bottom: int) -> np.ndarray:
        kind = OpenImageIO.TypeDesc(_TYPES[self.dtype])
        rows = self._file.read_scanlines(top, bottom, 0, 0, self.shape[2], kind)
        if rows is None:
            self._file.geterror()
            raise self._damaged()
        return rows

    def _no_rows(self) -> np.ndarray:
        return np.empty((0, *self.shape[1:]), self.dtype)

    def _damaged(self) -> ImageError:
        return ImageError(f"{self._path}: the file is damaged or incomplete", str(self._path))


@contextmanager
def opened_rows(path: Path) -> Iterator[PictureRows | None]:
    """A picture file to read by rows; None where that is not how its pixels lie in it.

    PNG, TIFF and JPEG can be read so, upright ones of 8 or 16 bits; not palettes, gray with
    transparency and other rare forms, which `utils.images.read_image` reads whole.

    Raises:
        ImageError: naming the file, when it is not a readable picture.
    """
    header = image_header(path)
    rare = header.orientation != 1 or header.min_is_white or header.premultiplied
    rare = rare or header.bits not in (8, 16)
    if header.kind not in _READ_KINDS or rare or not is_named_in_text(path):
        yield None
        return
    rows = PictureRows(path, header)
    try:
        yield rows if rows.is_plain() else None
    finally:
        rows.close()


class RowWriter:
    """A picture file that is written as its rows become whole.

    Parts are put where they belong, `writer[rows, columns] = pixels`, from left to right and then
    from top to bottom; those beside each other have the same rows.

    Args:
        path: a PNG or TIFF file, which is replaced.
        name: what messages call it.
        shape: height, width, channels (1, 3 or 4).
        dtype: uint8 or uint16.

    Raises:
        ImageError: naming it, when its format does not hold the size.
        PellucidError: naming it, when the file system refuses.
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        check_sides(shape[0], shape[1], path.suffix.lower(), name)
        self._path, self._name = path, name
        self._row = shape[1:]
        self._band = np.empty((0, *self._row), dtype)
        self._checksum = 0
        spec = OpenImageIO.ImageSpec(shape[1], shape[0], shape[2], _TYPES[dtype])
        for key, value in {**_ENCODING, _PLAIN_COLOURS: 1}.items():
            spec.attribute(key, value)
        file = OpenImageIO.ImageOutput.create(str(path))
        if file is None:
            raise ValueError(f"{path}: is not a file that is written by rows")
        self._file = file
        if not file.open(str(path), spec):
            raise self._refused()

    @phase("writing pictures")
    def __setitem__(self, place: Place, pixels: np.ndarray) -> None:
        """Put pixels in their place, and write the rows that they make whole."""
        rows, columns = place
        if columns.start == 0:
            self._band = np.empty((rows.stop - rows.start, *self._row), self._band.dtype)
        self._band[:, columns] = pixels
        if columns.stop < self._row[0]:
            return
        self._checksum = zlib.crc32(self._band.data, self._checksum)
        if not self._file.write_scanlines(rows.start, rows.stop, 0, self._band):
            raise self._refused()

    @phase("writing pictures", whole=True)
    def finish(self) -> None:
        """Write the end of the file, and read all of it back: a full disk is not always told.

        Raises:
            PellucidError: naming it, when it does not hold what was put there.
        """
        if not self._file.close():
            raise self._refused()
        try:
            if _checksum_of(self._path) != self._checksum:
                raise self._refused()
        except ImageError:
            raise self._refused() from None

    def close(self) -> None:
        """Close the file, whatever it holds."""
        self._file.close()
        self._file.geterror()

    def _refused(self) -> PellucidError:
        self._file.geterror()
        return PellucidError(f"{self._name}: cannot be written: is the disk full?")


def is_named_in_text(path: Path) -> bool:
    """Whether a path is text, as OpenImageIO wants it; on Linux it may be any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _jpeg_is_whole(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return jpeg_ends(data)


def _checksum_of(path: Path) -> int | None:
    """Of the pixels of a picture, row by row; None where it is not read by rows."""
    with opened_rows(path) as rows:
        if rows is None:
            return None
        checksum = 0
        for top in range(0, rows.shape[0], _BAND):
            checksum = zlib.crc32(np.ascontiguousarray(rows[top : top + _BAND, :]).data, checksum)
        return checksum
