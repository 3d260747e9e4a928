"""Uploads that no well-meaning client sends: files damaged in many ways, and forms as well."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import tifffile
from PIL import Image

BOUNDARY = b"--------------------------f00d"
FORM = f"multipart/form-data; boundary={BOUNDARY.decode()}"
_SIDE = 40


@dataclass(frozen=True)
class Upload:
    """A request's body.

    Attributes:
        told: what was done, for whoever has to find out why it broke something.
        content_type: the request's.
        body: as it is sent.
        file: the file within, or what is left of it.
    """

    told: str
    content_type: str
    body: bytes
    file: bytes


def mutated_upload(seed: int) -> Upload:
    """One of endlessly many; the same for the same seed."""
    rng = np.random.default_rng(seed)
    files = base_files()
    name = str(rng.choice(sorted(files)))
    harm = _HARMS[rng.integers(len(_HARMS))]
    data = harm(files[name], rng)
    if rng.random() < 0.3:  # one harm seldom comes alone
        data = _HARMS[rng.integers(len(_HARMS))](data, rng)
    suffix = str(rng.choice(["png", "jpg", "tif", "webp", "bmp", "gif", "svg", "txt", "exe", ""]))
    told = f"seed {seed}: {name}, {harm.__name__}, as .{suffix}"
    if rng.random() < 0.1:
        harm_form = _FORM_HARMS[rng.integers(len(_FORM_HARMS))]
        content_type, body = harm_form(data, rng)
        return Upload(f"{told}, {harm_form.__name__}", content_type, body, data)
    return Upload(told, FORM, form(data, f"a.{suffix}".encode()), data)


def form(data: bytes, name: bytes = b"a.png", field: bytes = b"image") -> bytes:
    """A well-made form with one file."""
    return (
        b"--%b\r\n" % BOUNDARY
        + b'Content-Disposition: form-data; name="%b"; filename="%b"\r\n' % (field, name)
        + b"Content-Type: application/octet-stream\r\n\r\n%b\r\n--%b--\r\n" % (data, BOUNDARY)
    )


@cache
def base_files() -> dict[str, bytes]:
    """Files of all kinds that are read and of many that are not, by name."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (_SIDE, _SIDE + 10, 4), np.uint8)
    picture = cv2.GaussianBlur(noise, (9, 9), 3)
    deep = cv2.resize(picture, None, fx=1, fy=1).astype(np.uint16) * 257
    colour = Image.fromarray(picture[..., :3])
    files = _pillow_files(colour, Image.fromarray(picture))
    for name, pixels in {"rgb16": deep[..., :3], "gray16": deep[..., 0], "rgba16": deep}.items():
        files[f"png {name}"] = cv2.imencode(".png", pixels)[1].tobytes()
        files[f"tif {name}"] = cv2.imencode(".tif", pixels)[1].tobytes()
    for name, options in {
        "tiles": {"tile": (16, 16)},
        "float": {"photometric": "minisblack"},
        "planes": {"planarconfig": "separate", "photometric": "rgb"},
        "two pages": {"photometric": "rgb"},
    }.items():
        pixels = deep[..., 0] / np.float32(65535) if name == "float" else deep[..., :3]
        pixels = pixels.transpose(2, 0, 1) if name == "planes" else pixels
        pixels = np.stack([pixels, pixels]) if name == "two pages" else pixels
        stream = io.BytesIO()
        tifffile.imwrite(stream, np.ascontiguousarray(pixels), **options)
        files[f"tif {name}"] = stream.getvalue()
    return files | _shapes() | _bombs(files) | _no_pictures()


def _pillow_files(colour: Image.Image, clear: Image.Image) -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    more = [colour.rotate(90), colour.rotate(180)]
    frames = {"save_all": True, "append_images": more, "duration": 100}
    made = {
        "png": (colour, "PNG", {}),
        "png exif": (colour, "PNG", {"exif": exif}),
        "png gray": (colour.convert("L"), "PNG", {}),
        "png gray clear": (colour.convert("L"), "PNG", {"transparency": 7}),
        "png la": (clear.convert("LA"), "PNG", {}),
        "png rgba": (clear, "PNG", {}),
        "png palette": (colour.convert("P"), "PNG", {"transparency": 3}),
        "png one bit": (colour.convert("1"), "PNG", {}),
        "apng": (colour, "PNG", frames),
        "jpeg": (colour, "JPEG", {"exif": exif}),
        "jpeg progressive": (colour, "JPEG", {"progressive": True}),
        "jpeg gray": (colour.convert("L"), "JPEG", {}),
        "jpeg cmyk": (colour.convert("CMYK"), "JPEG", {}),
        "mpo": (colour, "MPO", {"save_all": True, "append_images": more}),
        "webp": (colour, "WEBP", {"exif": exif}),
        "webp lossless": (clear, "WEBP", {"lossless": True}),
        "webp animated": (colour, "WEBP", frames),
        "gif": (colour, "GIF", {}),
        "gif animated": (colour, "GIF", frames),
        "tif": (colour, "TIFF", {"tiffinfo": {274: 8}}),
        "tif lzw": (clear, "TIFF", {"compression": "tiff_lzw"}),
        "tif jpeg": (colour, "TIFF", {"compression": "jpeg"}),
        "tif cmyk": (colour.convert("CMYK"), "TIFF", {}),
        "tif palette": (colour.convert("P"), "TIFF", {}),
        "tif one bit": (colour.convert("1"), "TIFF", {"compression": "group4"}),
        "tif lab": (colour.convert("RGB").convert("LAB"), "TIFF", {}),
        "bmp": (colour, "BMP", {}),
        "bmp rgba": (clear, "BMP", {}),
        "bmp palette": (colour.convert("P"), "BMP", {}),
        "ico": (clear, "ICO", {}),
        "jpeg 2000": (colour, "JPEG2000", {}),
        "ppm": (colour, "PPM", {}),
        "pdf": (colour, "PDF", {}),
    }
    return {name: _saved(image, kind, **options) for name, (image, kind, options) in made.items()}


def _shapes() -> dict[str, bytes]:
    """Pictures of unusual measures."""
    files = {}
    for width, height in ((1, 1), (1, 20_000), (20_000, 1), (2, 3)):
        image = Image.new("RGB", (width, height), (200, 100, 50))
        for kind in ("PNG", "JPEG", "BMP", "TIFF"):
            files[f"{kind.lower()} {width}x{height}"] = _saved(image, kind)
    return files


def _bombs(files: dict[str, bytes]) -> dict[str, bytes]:
    """Small files that say they are large, or become so."""
    png, jpeg, bmp = files["png"], files["jpeg"], files["bmp"]
    size = jpeg.index(b"\xff\xc0") + 5
    zeros = zlib.compress(bytes(20_000_000), 9)
    return {
        "png 100000x100000": _png_with(png, struct.pack(">II", 100_000, 100_000)),
        "png 30000x30000": _png_with(png, struct.pack(">II", 30_000, 30_000)),
        "png 0x0": _png_with(png, struct.pack(">II", 0, 0)),
        "png 700x700 in little data": _png_with(png, struct.pack(">II", 700, 700)),
        "png text bomb": png[:33] + _chunk(b"zTXt", b"a\0\0" + zeros) + png[33:],
        "png profile bomb": png[:33] + _chunk(b"iCCP", b"a\0\0" + zeros) + png[33:],
        "png 20 MB of pixels": png[:33] + _chunk(b"IDAT", zeros) + png[-12:],
        "jpeg 65535x65535": jpeg[:size] + b"\xff\xff\xff\xff" + jpeg[size + 4 :],
        "bmp 1e6x1e6": bmp[:18] + struct.pack("<ii", 1_000_000, 1_000_000) + bmp[26:],
        "bmp 800x800 in little data": bmp[:18] + struct.pack("<ii", 800, 800) + bmp[26:],
        "bmp of negative size": bmp[:18] + struct.pack("<ii", -50, -(2**31)) + bmp[26:],
    }


def _no_pictures() -> dict[str, bytes]:
    rng = np.random.default_rng(1)
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>'
    return {
        "empty": b"",
        "one byte": b"\x89",
        "text": b"Not a picture at all, but a few words.\n" * 20,
        "svg": b'<?xml version="1.0"?>\n' + svg,
        "svg of entities": b'<!DOCTYPE s [<!ENTITY a "aaaa">]>' + svg,
        "html": b"<html><script>alert(1)</script></html>",
        "zip": b"PK\x03\x04" + rng.bytes(500),
        "elf": b"\x7fELF" + rng.bytes(500),
        "heif": b"\0\0\0\x18ftypheic" + rng.bytes(300),
        "noise": rng.bytes(3000),
        "zeros": bytes(5000),
    }


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_with(png: bytes, size: bytes) -> bytes:
    """A PNG whose header names another size, with a checksum that fits."""
    return png[:8] + _chunk(b"IHDR", size + png[24:29]) + png[33:]


# What is done to a file


def as_it_is(data: bytes, rng: np.random.Generator) -> bytes:
    return data


def truncated(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data) + 1)]


def tail_cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: -int(rng.integers(1, 40))]


def bits_flipped(data: bytes, rng: np.random.Generator) -> bytes:
    changed = np.frombuffer(data, np.uint8).copy()
    for place in rng.integers(0, max(1, len(data)), rng.integers(1, 20)):
        changed[place : place + 1] ^= np.uint8(1 << rng.integers(8))
    return changed.tobytes()


def header_flipped(data: bytes, rng: np.random.Generator) -> bytes:
    return bits_flipped(data[:64], rng) + data[64:]


def header_numbers_huge(data: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, 64))
    number = rng.choice(
        [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"]
    )
    return data[:place] + bytes(number) + data[place + 4 :]


def part_noise(data: bytes, rng: np.random.Generator) -> bytes:
    begin, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 200))
    return data[:begin] + rng.bytes(length) + data[begin + length :]


def part_removed(data: bytes, rng: np.random.Generator) -> bytes:
    begin, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 200))
    return data[:begin] + data[begin + length :]


def part_zeroed(data: bytes, rng: np.random.Generator) -> bytes:
    begin, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 200))
    return data[:begin] + bytes(length) + data[begin + length :]


def part_doubled(data: bytes, rng: np.random.Generator) -> bytes:
    begin, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 400))
    return data[: begin + length] + data[begin:]


def noise_inserted(data: bytes, rng: np.random.Generator) -> bytes:
    begin = int(rng.integers(len(data) + 1))
    return data[:begin] + rng.bytes(int(rng.integers(1, 100))) + data[begin:]


def noise_appended(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 1000)))


def another_appended(data: bytes, rng: np.random.Generator) -> bytes:
    files = base_files()
    return data + files[str(rng.choice(sorted(files)))]


def beginning_of_another(data: bytes, rng: np.random.Generator) -> bytes:
    files = base_files()
    length = int(rng.integers(1, 64))
    return files[str(rng.choice(sorted(files)))][:length] + data[length:]


_HARMS: list[Callable[[bytes, np.random.Generator], bytes]] = [
    as_it_is,
    truncated,
    tail_cut,
    bits_flipped,
    header_flipped,
    header_numbers_huge,
    part_noise,
    part_removed,
    part_zeroed,
    part_doubled,
    noise_inserted,
    noise_appended,
    another_appended,
    beginning_of_another,
]


# What is done to a form


def form_truncated(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    return FORM, truncated(form(data), rng)


def form_flipped(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    body = form(data)
    return FORM, header_flipped(body, rng)


def form_noise(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    return FORM, part_noise(form(data), rng)


def form_without_end(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    return FORM, form(data)[: -len(BOUNDARY) - 8]


def form_of_other_boundary(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    return "multipart/form-data; boundary=other", form(data)


def form_without_boundary(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    return "multipart/form-data", form(data)


def form_of_odd_boundary(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    return f'multipart/form-data; boundary="{"x" * int(rng.integers(0, 300))}"', form(data)


def form_of_odd_names(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    name = rng.bytes(30).replace(b"\r", b"").replace(b"\n", b"")
    return FORM, form(data, name, rng.choice([b"image", name]))


def form_of_two(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    one = form(data)
    return FORM, one[: -len(BOUNDARY) - 6] + one


def form_of_long_headers(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    return FORM, form(data, b"a" * int(rng.integers(1, 50_000)))


def form_of_charset(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    charset = str(rng.choice(["utf-7", "none", "base64", "utf-16"]))
    return f"{FORM}; charset={charset}", form(data, b"\xff\xfe\x00")


def no_form(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    kinds = ["image/png", "application/json", "application/x-www-form-urlencoded", "", "multipart"]
    return str(rng.choice(kinds)), data


_FORM_HARMS: list[Callable[[bytes, np.random.Generator], tuple[str, bytes]]] = [
    form_truncated,
    form_flipped,
    form_noise,
    form_without_end,
    form_of_other_boundary,
    form_without_boundary,
    form_of_odd_boundary,
    form_of_odd_names,
    form_of_two,
    form_of_long_headers,
    form_of_charset,
    no_form,
]
