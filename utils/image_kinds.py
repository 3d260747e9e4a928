"""Pictures that are whole, but of a kind that is not read: which, told from their first bytes.

A user can mend such a file by converting it, and a damaged one not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from PIL import Image, TiffImagePlugin, TiffTags

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")

_PREFIX = 16  # bytes of a file by which Pillow's readers know their own
_BEGIN = 1024  # within which an SVG file says that it is one
_HEIF_BRANDS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1")  # of what Pillow cannot read
_JPEG = b"\xff\xd8"
_BIGTIFF = b"II+\0"
_TIFFS = (b"II*\0", b"MM\0*", _BIGTIFF)
_BIG_ENDIAN_BIGTIFF = b"MM\0+"  # which Pillow takes for something else
# Of TIFF's tags, and their values (TIFF 6.0, 1992, section 8).
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_PLANES, _SAMPLE_FORMAT = 284, 339
_UNCOMPRESSED, _YCBCR, _SEPARATE = 1, 6, 2
_UNSIGNED = {1, 4}  # 4: not said
_DEEP_COMPRESSIONS = {1, 5, 8, 32773, 32946}  # none, LZW, Deflate, PackBits: what OpenCV decodes
# Frames that libjpeg decodes (ITU-T T.81, table B.1): baseline, extended, progressive, of Huffman
# or arithmetic coding. All others are lossless, differential, or JPEG-LS.
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_DECODED_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_SCAN = 0xDA


def unread_kind(stream: BinaryIO) -> str | None:
    """The kind of a picture that Pillow does not know as one of `FORMATS`; None where it is none.

    Args:
        stream: a file of any content.
    """
    stream.seek(0)
    begin = stream.read(_BEGIN)
    if b"<svg" in begin:
        return "SVG pictures"
    if begin[4:12] in _HEIF_BRANDS:
        return "HEIF pictures"
    if begin.startswith(_BIG_ENDIAN_BIGTIFF):
        return "BigTIFF pictures in big-endian order"
    if begin.startswith(_TIFFS):
        return _unknown_tiff(stream)
    if begin.startswith(_JPEG):
        return unread_jpeg(stream)
    Image.init()
    prefix = begin[:_PREFIX].ljust(_PREFIX, b"\0")
    accepting = {kind: accept for kind, (_, accept) in Image.OPEN.items() if accept}
    names = [kind for kind, accept in accepting.items() if accept(prefix)]
    return f"{names[0]} pictures" if names and not set(names) & set(FORMATS) else None


def unread_tiff(tags: Mapping[int, Any]) -> str | None:
    """The kind of a TIFF picture that Pillow knows, and of which no pixels would come out right.

    Args:
        tags: of its first directory.
    """
    bits = max(tags.get(_BITS, (1,)))
    if not set(tags.get(_SAMPLE_FORMAT, (1,))) <= _UNSIGNED:
        return "TIFF pictures of signed, floating point or complex values"
    if bits > 16:
        return f"TIFF pictures of {bits} bits"
    if bits > 8 and tags.get(_PLANES) == _SEPARATE:
        return "TIFF pictures of 16 bits in separate planes"
    if bits > 8 and tags.get(_COMPRESSION, 1) not in _DEEP_COMPRESSIONS:
        return f"TIFF pictures of 16 bits with compression {tags[_COMPRESSION]}"
    if tags.get(_PHOTOMETRIC) == _YCBCR and tags.get(_COMPRESSION, 1) == _UNCOMPRESSED:
        return "YCbCr TIFF pictures without compression"
    return None


def unread_jpeg(stream: BinaryIO) -> str | None:
    """The kind of a JPEG picture that is not decoded, by its frame header."""
    stream.seek(len(_JPEG))
    while len(head := stream.read(4)) == 4 and head[0] == 0xFF and head[1] != _SCAN:
        if head[1] == 0xFF:  # a fill byte
            stream.seek(-3, 1)
        elif head[1] in _FRAMES:
            precision = stream.read(1)
            if head[1] not in _DECODED_FRAMES:
                return "lossless and hierarchical JPEG pictures"
            if precision not in (b"", b"\x08"):
                return f"JPEG pictures of {precision[0]} bits"
            return None
        else:
            stream.seek(int.from_bytes(head[2:], "big") - 2, 1)
    return None


def _unknown_tiff(stream: BinaryIO) -> str | None:
    """The kind of a TIFF file that has a directory of a picture, though Pillow knows it not."""
    stream.seek(0)
    begin = stream.read(8)
    try:
        if begin.startswith(_BIGTIFF):
            begin += stream.read(8)
        tags = TiffImagePlugin.ImageFileDirectory_v2(begin)
        stream.seek(tags.next)
        tags.load(stream)
        if not {_WIDTH, _HEIGHT, _PHOTOMETRIC} <= set(tags):
            return None
        colours = {value: name for name, value in TiffTags.lookup(_PHOTOMETRIC).enum.items()}
        colour = colours.get(tags[_PHOTOMETRIC], f"photometric interpretation {tags[_PHOTOMETRIC]}")
        bits = "+".join(map(str, tags.get(_BITS, (1,))))
        form = f"{colour}, {bits} bits, compression {tags.get(_COMPRESSION, 1)}"
        return unread_tiff(tags) or f"TIFF pictures of this form ({form})"
    except Exception:  # hostile bytes make Pillow's parsers raise nearly anything
        return None
