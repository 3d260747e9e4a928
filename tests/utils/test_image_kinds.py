"""Rare kinds of TIFF, PNG and JPEG: read as another library reads them, or refused by name."""

import io
import struct
import zlib

import cv2
import numpy as np
import OpenImageIO
import pytest
import tifffile
from PIL import Image

from utils.errors import ImageFormatError
from utils.image_rows import opened_rows
from utils.images import decode_image

RNG = np.random.default_rng(0)
RGB = cv2.GaussianBlur(RNG.integers(0, 256, (24, 36, 3), dtype=np.uint8), (7, 7), 2)
DEEP = RNG.integers(0, 65536, (24, 36, 3)).astype(np.uint16)
GRAY, WIDE = RGB[..., 0], DEEP[..., 0]
PALETTE = RNG.integers(0, 65536, 3 * 256)  # of a TIFF: all reds, all greens, all blues
YCBCR = np.asarray(Image.fromarray(RGB).convert("YCbCr"))
BITMAP = np.where(GRAY > 128, 255, 0).astype(np.uint8)


def by_tifffile(pixels, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


def by_pillow(pixels, kind, mode=None, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def packed(pixels, bits):
    """Rows of values of so many bits, without gaps but at their ends."""
    digits = (pixels[..., None].astype(np.uint32) >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(digits.astype(np.uint8).reshape(len(pixels), -1), axis=1).tobytes()


def tiff(strip, bits, colour, compression=1, **more):
    """A TIFF of one strip, 36 x 24 pixels (TIFF 6.0, section 2); `more` are t<tag>=values."""
    tags = {256: [36], 257: [24], 258: bits, 259: [compression], 262: [colour], 277: [len(bits)]}
    tags |= {int(name[1:]): list(values) for name, values in more.items()} | {278: [24]}
    tags |= {273: [0], 279: [len(strip)]}
    behind = 8 + 2 + 12 * len(tags) + 4
    long_values, entries = b"", []
    for tag, values in sorted(tags.items()):
        data = struct.pack(f"<{len(values)}H", *values)
        if len(data) > 4:
            data, long_values = struct.pack("<I", behind + len(long_values)), long_values + data
        entries.append([tag, len(values), data.ljust(4, b"\0")])
    for entry in entries:
        if entry[0] == 273:
            entry[2] = struct.pack("<I", behind + len(long_values))
    directory = b"".join(struct.pack("<HHI", tag, 3, n) + data for tag, n, data in entries)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + directory + bytes(4) + long_values + strip


def interlaced_png(pixels, bits, kind):
    """PNG's Adam7: seven pictures of every eighth to every second pixel (section 8.2)."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    rows = b""
    for top, left, down, across in (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    ):
        for row in pixels[top::down, left::across]:
            rows += b"\0" + (row.astype(">u2").tobytes() if bits == 16 else packed(row[None], bits))
    head = struct.pack(">IIBBBBB", 36, 24, bits, kind, 0, 0, 1)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg_of(frame, precision=8):
    """A JPEG whose frame header is another (ITU-T T.81, B.2.2)."""
    data = bytearray(by_pillow(RGB, "JPEG"))
    start = data.index(b"\xff\xc0")
    data[start + 1], data[start + 4] = frame, precision
    return bytes(data)


def by_libtiff(data, tmp_path):
    """Pixels as OpenImageIO decodes them, at 16 bits."""
    (tmp_path / "other.tif").write_bytes(data)
    file = OpenImageIO.ImageInput.open(str(tmp_path / "other.tif"))
    return file.read_image(OpenImageIO.UINT16)


READ = {
    "TIFF tiled": (by_tifffile(RGB, tile=(16, 16), photometric="rgb"), RGB),
    "TIFF tiled 16 bit": (by_tifffile(DEEP, tile=(16, 16), photometric="rgb"), DEEP),
    "TIFF in planes": (
        by_tifffile(RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
        RGB,
    ),
    "TIFF in tiled planes": (
        by_tifffile(
            RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", tile=(16, 16)
        ),
        RGB,
    ),
    "BigTIFF": (by_tifffile(RGB, bigtiff=True, photometric="rgb"), RGB),
    "BigTIFF 16 bit": (by_tifffile(DEEP, bigtiff=True, photometric="rgb"), DEEP),
    "TIFF ZSTD": (by_pillow(RGB, "TIFF", compression="zstd"), RGB),
    "TIFF LZMA": (by_pillow(RGB, "TIFF", compression="lzma"), RGB),
    "TIFF PackBits": (by_pillow(RGB, "TIFF", compression="packbits"), RGB),
    "TIFF 1 bit, group 3": (by_pillow(BITMAP, "TIFF", "1", compression="group3"), BITMAP),
    "TIFF 1 bit, white is 0": (tiff(packed(GRAY > 128, 1), [1], 0), 255 - BITMAP),
    "TIFF 4 bit": (tiff(packed(GRAY >> 4, 4), [4], 1), (GRAY >> 4) * 17),
    "TIFF palette": (
        tiff(GRAY.tobytes(), [8], 3, t320=PALETTE),
        (PALETTE.reshape(3, 256)[:, GRAY] >> 8).transpose(1, 2, 0),
    ),
    "TIFF palette 4 bit": (
        tiff(packed(GRAY >> 4, 4), [4], 3, t320=PALETTE[:48]),
        (PALETTE[:48].reshape(3, 16)[:, GRAY >> 4] >> 8).transpose(1, 2, 0),
    ),
    "PNG interlaced 1 bit": (interlaced_png(GRAY >> 7, 1, 0), (GRAY >> 7) * 255),
    "PNG interlaced 4 bit": (interlaced_png(GRAY >> 4, 4, 0), (GRAY >> 4) * 17),
    "PNG interlaced 16 bit": (interlaced_png(DEEP, 16, 2), DEEP),
}
LOSSY = {
    "TIFF YCbCr, Deflate": (
        tiff(zlib.compress(YCBCR.tobytes()), [8, 8, 8], 6, 8, t530=[1, 1]),
        RGB,
    ),
    "JPEG of RGB, as Adobe marks it": (
        by_pillow(RGB, "JPEG", quality=100, keep_rgb=True, subsampling=0),
        RGB,
    ),
    "JPEG extended": (jpeg_of(0xC1), np.asarray(Image.open(io.BytesIO(jpeg_of(0xC1))))),
}
REFUSED = {
    "YCbCr TIFF pictures without compression": tiff(YCBCR.tobytes(), [8, 8, 8], 6, t530=[1, 1]),
    "BigTIFF pictures in big-endian order": by_tifffile(GRAY, bigtiff=True, byteorder=">"),
    "TIFF pictures of signed, floating": by_tifffile(GRAY.astype(np.int8)),
    "signed, floating point or complex": by_tifffile(RGB / 255, photometric="rgb"),
    "of 16 bits in separate planes": by_tifffile(
        DEEP.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"
    ),
    "of 16 bits with compression 50000": by_pillow(WIDE, "TIFF", compression="zstd"),
    "TIFF pictures of 32 bits": by_tifffile(WIDE.astype(np.uint32)),
    "(RGB, 12+12+12 bits, compression 1)": tiff(packed(DEEP >> 4, 12), [12, 12, 12], 2),
    "(BlackIsZero, 16+16 bits, compression 1)": tiff(DEEP[..., :2].tobytes(), [16, 16], 1),
    "(RGB Palette, 16 bits, compression 1)": tiff(WIDE.tobytes(), [16], 3, t320=[0] * 3),
    "(CMYK, 8+8+8+8+8 bits, compression 1)": tiff(bytes(36 * 24 * 5), [8] * 5, 5),
    "(RGB, 8+8+8 bits, compression 50002)": tiff(RGB.tobytes(), [8] * 3, 2, 50002),
    "JPEG pictures of 12 bits": jpeg_of(0xC1, 12),
    "lossless and hierarchical JPEG": jpeg_of(0xC3),
    "lossless and hierarchical": jpeg_of(0xF7),
}


def planes(pixels):
    return pixels if pixels.ndim == 3 else pixels[..., None]


@pytest.mark.parametrize("name", [*READ, *LOSSY])
def test_what_is_read_is_read_right(tmp_path, name):
    data, shown = (READ | LOSSY)[name]
    image = decode_image(data, "a")
    assert image.shape == planes(shown).shape
    wrong = np.abs(image.astype(int) - planes(shown)).max()
    assert wrong == 0 if name in READ else wrong <= 3
    (tmp_path / "a").write_bytes(data)
    with opened_rows(tmp_path / "a") as rows:
        assert rows is None or np.array_equal(rows[0:24, 0:36], image)


def test_12_bits_become_16(tmp_path):
    data = tiff(packed(WIDE >> 4, 12), [12], 1)
    image = decode_image(data, "a")
    assert np.abs(image.astype(int) - by_libtiff(data, tmp_path)).max() <= 1
    assert np.array_equal(image[..., 0], np.rint((WIDE >> 4) * (65535 / 4095)))


@pytest.mark.parametrize("name", REFUSED)
def test_a_kind_that_is_not_read_is_named(name):
    with pytest.raises(ImageFormatError) as caught:
        decode_image(REFUSED[name], "a")
    message = str(caught.value)
    assert name in message and message.startswith("a: ") and "\n" not in message
    assert message.endswith(" are not read; convert it to a PNG in RGB or gray")
