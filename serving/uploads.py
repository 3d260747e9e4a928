"""From a request's body to a picture: in memory only, within limits, refused before it is decoded.

A body above the limit is not read to its end, and nothing of it is written to disk.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import numpy as np
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from serving.errors import Rejected, TooManyBytes, TooSlow
from utils.image_headers import read_header
from utils.images import decode_image, encode_image

FIELD = "image"  # of the form, and what messages call the picture
_AROUND = 65_536  # bytes of a body beside the picture: part headers, boundaries, other fields
_OTHER_FIELDS = 8
_HINT = f"send the picture's file as the field {FIELD} of a multipart form"
# How a picture is answered in its own format: the suffix that it is encoded by, and its type.
_FORMATS = {
    "PNG": (".png", "image/png"),
    "JPEG": (".jpg", "image/jpeg"),
    "TIFF": (".tif", "image/tiff"),
    "WEBP": (".webp", "image/webp"),
    "BMP": (".bmp", "image/bmp"),
}


@dataclass(frozen=True)
class Picture:
    """An upload that was decoded.

    Attributes:
        image: HWC uint8 or uint16, upright: gray, RGB or RGBA.
        data: the file's bytes.
        kind: its format, as `ImageHeader.kind`.
    """

    image: np.ndarray
    data: bytes
    kind: str

    def encode(self, result: np.ndarray, own_format: bool) -> tuple[bytes, str]:
        """What becomes of this picture as a file's bytes, and their media type.

        Args:
            result: HWC; the picture itself keeps the file's bytes in its own format.
            own_format: the upload's format instead of PNG.

        Raises:
            ImageError: the format cannot hold the result.
        """
        suffix, media_type = _FORMATS[self.kind if own_format else "PNG"]
        if own_format and result is self.image:
            return self.data, media_type
        return encode_image(result, suffix, FIELD), media_type


async def read_upload(request: Request, max_bytes: int, patience: float) -> bytes:
    """The bytes of the file in the form's field `image`.

    Args:
        request: its body is not yet read.
        max_bytes: that the file may have.
        patience: seconds within which it must arrive.

    Raises:
        Rejected: the body is no form, or has no such file.
        TooManyBytes: the file has more bytes.
        TooSlow: it did not arrive in time.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Rejected(f"{FIELD}: is missing; {_HINT}")
    if _declared_length(request) > max_bytes + _AROUND:
        raise _too_many(max_bytes)
    body = _bounded(request.stream(), max_bytes)
    parser = _InMemory(request.headers, body, max_files=1, max_fields=_OTHER_FIELDS)
    try:
        async with asyncio.timeout(patience):
            form = await parser.parse()
    except TimeoutError:
        raise TooSlow(f"{FIELD}: did not arrive within {patience:g} s") from None
    except (MultiPartException, FormParserError) as error:  # the latter where Starlette lets it by
        reason = getattr(error, "message", "it is damaged")
        raise Rejected(f"{FIELD}: the form cannot be read: {reason}; {_HINT}") from error
    file = form.get(FIELD)
    if not isinstance(file, UploadFile):
        state = "is missing" if file is None else "is text, not a file"
        raise Rejected(f"{FIELD}: {state}; {_HINT}")
    data = await file.read()
    if len(data) > max_bytes:
        raise _too_many(max_bytes)
    return data


def decode_upload(data: bytes, check_size: Callable[[int, int], None]) -> Picture:
    """Decode a file, once its header was found to be within limits.

    Args:
        data: the file's bytes.
        check_size: given height and width, raises where they are too much.

    Raises:
        ImageFormatError: it is in a format or colour space that is not read.
        ImageTooLargeError: it has too many pixels.
        ImageError: it is empty, damaged or no picture.
    """
    header = read_header(io.BytesIO(data), FIELD)
    check_size(*header.upright)
    return Picture(decode_image(data, FIELD, keep_alpha=True), data, header.kind)


class _InMemory(MultiPartParser):
    """Starlette's parser of forms, which otherwise puts files above 1 MB on disk."""

    spool_max_size = 0  # tempfile's word for: however large


def _declared_length(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


async def _bounded(stream: AsyncGenerator[bytes, None], most: int) -> AsyncGenerator[bytes, None]:
    """A body as it arrives, which ends in an error once it is longer than it may be."""
    read = 0
    async for chunk in stream:
        read += len(chunk)
        if read > most + _AROUND:
            raise _too_many(most)
        yield chunk


def _too_many(most: int) -> TooManyBytes:
    return TooManyBytes(f"{FIELD}: has more than the {most:,} bytes allowed; send a smaller file")
