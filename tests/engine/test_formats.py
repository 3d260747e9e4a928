"""Pictures as they come, through training, scoring and restoring.

Each form is written by Pillow, tifffile, or a PNG writer that follows the specification; what it
shows is what Pillow (8 bits) or tifffile (16 bits) reads, or what went into the PNG writer.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from torch import nn

from config import Config, get_defaults
from data.build import build_loader
from data.transfer import to_device
from engine.restore_files import Job, restore_file
from engine.restorer import Restorer
from engine.scoring import score_folders, scoring_metrics
from modeling.descriptor import Descriptor
from utils.errors import PellucidError
from utils.images import image_size

RNG = np.random.default_rng(0)
RGB = cv2.GaussianBlur(RNG.integers(0, 256, (24, 36, 3), dtype=np.uint8), (7, 7), 2)
ALPHA = np.tile(np.linspace(0, 255, 36).astype(np.uint8), (24, 1))
DEEP = RNG.integers(0, 65536, (24, 36, 3)).astype(np.uint16)
DEEP_ALPHA = RNG.integers(0, 65536, (24, 36)).astype(np.uint16)
COLOR, CLEAR = Image.fromarray(RGB), Image.fromarray(np.dstack([RGB, ALPHA]))
GRAY, PALETTE, BITMAP = COLOR.convert("L"), COLOR.convert("P"), COLOR.convert("1")
LEVELS, DEEP_GRAY = np.asarray(GRAY), DEEP[..., 0]
DECODERS_DIFFER = 3  # levels, for lossy formats


@dataclass(frozen=True)
class Form:
    """A file's bytes and the picture they hold: HWC RGB or RGBA, uint8 or uint16."""

    suffix: str
    data: bytes
    shown: np.ndarray
    tolerance: int = 0


class Identity(nn.Identity):
    """Gives back what it gets, at any number of channels."""

    descriptor = Descriptor(channels=0)


def pillow(image: Image.Image, kind: str, **options) -> Form:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    with Image.open(stream) as opened:
        upright = ImageOps.exif_transpose(opened)
        clear = "A" in upright.getbands() or "transparency" in upright.info
        shown = np.asarray(upright.convert("RGBA" if clear else "RGB"))
    lossy = kind == "JPEG" or (kind == "WEBP" and not options.get("lossless"))
    return Form(kind.lower(), stream.getvalue(), shown, DECODERS_DIFFER if lossy else 0)


def tiff16(pixels: np.ndarray, **options) -> Form:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    read = tifffile.imread(io.BytesIO(stream.getvalue()))
    return Form("tiff", stream.getvalue(), read if read.ndim == 3 else np.dstack([read] * 3))


def png(pixels: np.ndarray, bits: int, kind: int, shown: np.ndarray, **chunks: bytes) -> Form:
    """Pixels of 1 to 16 bits as a PNG of a colour kind (PNG specification, 11.2.2)."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    def row(values: np.ndarray) -> bytes:
        if bits >= 8:
            return b"\0" + values.astype(f">u{bits // 8}").tobytes()
        digits = np.unpackbits(values.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - bits :]
        return b"\0" + np.packbits(digits.ravel()).tobytes()

    height, width = pixels.shape[:2]
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))]
    parts += [chunk(name.encode(), content) for name, content in chunks.items()]
    parts += [chunk(b"IDAT", zlib.compress(b"".join(map(row, pixels)))), chunk(b"IEND", b"")]
    return Form("png", b"\x89PNG\r\n\x1a\n" + b"".join(parts), shown)


def thrice(gray: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
    return np.dstack([gray] * 3 if alpha is None else [gray, gray, gray, alpha])


def clear_at(gray: np.ndarray, level: int) -> np.ndarray:
    peak = np.iinfo(gray.dtype).max
    return thrice(gray, np.where(gray == level, 0, peak).astype(gray.dtype))


def multiplied() -> np.ndarray:
    """DEEP under DEEP_ALPHA, as Photoshop stores it; no opacity low enough to lose colours."""
    alpha = DEEP_ALPHA // 2 + 32768
    colours = np.rint(DEEP * (alpha[..., None] / 65535)).astype(np.uint16)
    return np.dstack([colours, alpha])


FORMS = {
    "PNG gray": pillow(GRAY, "PNG"),
    "PNG 1 bit": pillow(BITMAP, "PNG"),
    "PNG 2 bit": png(LEVELS >> 6, 2, 0, thrice((LEVELS >> 6) * 85)),
    "PNG 4 bit": png(LEVELS >> 4, 4, 0, thrice((LEVELS >> 4) * 17)),
    "PNG 16 bit gray": png(DEEP_GRAY, 16, 0, thrice(DEEP_GRAY)),
    "PNG gray with alpha": pillow(CLEAR.convert("LA"), "PNG"),
    "PNG 16 bit gray with alpha": png(
        np.dstack([DEEP_GRAY, DEEP_ALPHA]), 16, 4, thrice(DEEP_GRAY, DEEP_ALPHA)
    ),
    "PNG gray with a clear level": png(
        LEVELS, 8, 0, clear_at(LEVELS, LEVELS[3, 4]), tRNS=struct.pack(">H", LEVELS[3, 4])
    ),
    "PNG 2 bit with a clear level": png(
        LEVELS >> 6, 2, 0, clear_at((LEVELS >> 6) * 85, 170), tRNS=struct.pack(">H", 2)
    ),
    "PNG 16 bit with a clear level": png(
        DEEP_GRAY,
        16,
        0,
        clear_at(DEEP_GRAY, DEEP_GRAY[3, 4]),
        tRNS=struct.pack(">H", DEEP_GRAY[3, 4]),
    ),
    "PNG RGB": pillow(COLOR, "PNG"),
    "PNG 16 bit RGB": png(DEEP, 16, 2, DEEP),
    "PNG RGB with a clear colour": pillow(COLOR, "PNG", transparency=tuple(map(int, RGB[3, 4]))),
    "PNG RGBA": pillow(CLEAR, "PNG"),
    "PNG 16 bit RGBA": png(np.dstack([DEEP, DEEP_ALPHA]), 16, 6, np.dstack([DEEP, DEEP_ALPHA])),
    "PNG palette": pillow(PALETTE, "PNG"),
    "PNG palette with a clear entry": pillow(PALETTE, "PNG", transparency=3),
    "PNG palette with alpha": pillow(PALETTE, "PNG", transparency=bytes(range(256))),
    "PNG of several frames": pillow(COLOR, "PNG", save_all=True, append_images=[COLOR.rotate(180)]),
    "JPEG gray": pillow(GRAY, "JPEG"),
    "JPEG RGB": pillow(COLOR, "JPEG"),
    "JPEG progressive": pillow(COLOR, "JPEG", progressive=True, subsampling=0),
    "TIFF gray": pillow(GRAY, "TIFF"),
    "TIFF 1 bit": pillow(BITMAP, "TIFF", compression="group4"),
    "TIFF RGB": pillow(COLOR, "TIFF"),
    "TIFF RGB LZW": pillow(COLOR, "TIFF", compression="tiff_lzw"),
    "TIFF RGBA LZW": pillow(CLEAR, "TIFF", compression="tiff_lzw"),
    "TIFF gray with alpha": pillow(CLEAR.convert("LA"), "TIFF"),
    "TIFF palette": pillow(PALETTE, "TIFF", compression="tiff_lzw"),
    "TIFF JPEG": pillow(COLOR, "TIFF", compression="jpeg"),
    "TIFF 16 bit gray": tiff16(DEEP_GRAY),
    "TIFF 16 bit gray LZW": Form(
        "tiff",
        cv2.imencode(".tiff", DEEP_GRAY, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes(),
        thrice(DEEP_GRAY),
    ),
    "TIFF 16 bit RGB": tiff16(DEEP, photometric="rgb"),
    "TIFF 16 bit RGB Deflate, big-endian": tiff16(
        DEEP, photometric="rgb", compression="zlib", predictor=2, byteorder=">"
    ),
    "TIFF 16 bit RGBA": tiff16(
        np.dstack([DEEP, DEEP_ALPHA]), photometric="rgb", extrasamples=["unassalpha"]
    ),
    "WebP": pillow(COLOR, "WEBP"),
    "WebP lossless": pillow(COLOR, "WEBP", lossless=True),
    "WebP RGBA": pillow(CLEAR, "WEBP", lossless=True, exact=True),
    "BMP": pillow(COLOR, "BMP"),
    "BMP gray": pillow(GRAY, "BMP"),
    "BMP 1 bit": pillow(BITMAP, "BMP"),
    "BMP palette": pillow(PALETTE, "BMP"),
}
for _orientation in range(1, 9):
    _exif = Image.Exif()
    _exif[0x0112] = _orientation
    for _kind, _options in (("PNG", {}), ("JPEG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        FORMS[f"{_kind} turned {_orientation}"] = pillow(COLOR, _kind, exif=_exif, **_options)

REFUSED = {
    "JPEG CMYK": (pillow(COLOR.convert("CMYK"), "JPEG"), "CMYK pictures are not read"),
    "TIFF CMYK": (pillow(COLOR.convert("CMYK"), "TIFF"), "CMYK pictures are not read"),
    "TIFF 16 bit in planes": (
        tiff16(DEEP.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
        "16 bits in separate planes are not read",
    ),
    "TIFF 32 bit": (tiff16(DEEP_GRAY.astype(np.uint32)), "TIFF pictures of 32 bits are not read"),
}


@pytest.fixture(params=FORMS)
def form(request) -> Form:
    return FORMS[request.param]


def write(folder: Path, form: Form) -> Path:
    folder.mkdir()
    path = folder / f"a.{form.suffix}"
    path.write_bytes(form.data)
    return path


def write_target(folder: Path, colours: np.ndarray) -> None:
    folder.mkdir()
    if colours.dtype == np.uint16:
        tifffile.imwrite(folder / "a.tif", colours, photometric="rgb")
    else:
        Image.fromarray(colours).save(folder / "a.png")


def train_on(folder: Path, channels: int) -> dict:
    cfg = get_defaults()
    cfg.DATASETS.TRAIN.NAME = "PairedFolders"
    cfg.DATASETS.TRAIN.ARGS = Config(input=str(folder), target=str(folder))
    cfg.DATA.CHANNELS, cfg.DATA.WORKERS = channels, 0
    (batch,) = build_loader(cfg, "train", "cpu")
    return to_device(batch, "cpu")


def test_training_sees_colours_without_transparency(form, tmp_path):
    path = write(tmp_path / "set", form)
    colours = form.shown[..., :3].astype(np.float64) / np.iinfo(form.shown.dtype).max
    batch = train_on(path.parent, 3)
    for half in ("input", "target"):
        seen = batch[half][0].permute(1, 2, 0).numpy()
        assert seen.shape == colours.shape and image_size(path) == seen.shape[:2]
        assert np.abs(seen - colours).max() <= form.tolerance / 255 + 1e-6


def test_training_on_gray_sees_luma(form, tmp_path):
    path = write(tmp_path / "set", form)
    colours = form.shown[..., :3].astype(np.float64) / np.iinfo(form.shown.dtype).max
    luma = colours @ [0.299, 0.587, 0.114]  # ITU-R BT.601
    seen = train_on(path.parent, 1)["target"][0, 0].numpy()
    assert np.abs(seen - luma).max() <= (form.tolerance + 0.6) / 255


def test_scoring_finds_no_difference(form, tmp_path):
    predictions = write(tmp_path / "predictions", form).parent
    write_target(tmp_path / "targets", form.shown[..., :3])
    report = score_folders(predictions, tmp_path / "targets", scoring_metrics(["l1"]))
    assert report["mean"]["l1"] <= form.tolerance / 255


def test_restoring_keeps_depth_and_transparency(form, tmp_path):
    path = write(tmp_path / "in", form)
    deep = form.shown.dtype == np.uint16
    output = tmp_path / ("out.tif" if deep else "out.png")
    restore_file(Restorer(Identity(), "cpu"), Job(path, output))
    if deep:
        restored = tifffile.imread(output)
        restored = restored if restored.ndim == 3 else thrice(restored)
    else:
        restored = np.asarray(Image.open(output).convert("RGBA"))[..., : form.shown.shape[2]]
    assert restored.dtype == form.shown.dtype and restored.shape == form.shown.shape
    difference = np.abs(restored.astype(int) - form.shown)
    assert difference.max() <= form.tolerance


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_by_name(name, tmp_path):
    form, reason = REFUSED[name]
    path = write(tmp_path / "set", form)
    (tmp_path / "other").mkdir()
    Image.fromarray(RGB).save(tmp_path / "other/a.png")
    ways = (
        lambda: train_on(path.parent, 3),
        lambda: score_folders(path.parent, tmp_path / "other", scoring_metrics(["l1"])),
        lambda: restore_file(Restorer(Identity(), "cpu"), Job(path, tmp_path / "out.png")),
    )
    for way in ways:
        with pytest.raises(PellucidError, match=rf"a\.{form.suffix}: .*{reason}"):
            way()
    assert not (tmp_path / "out.png").exists()


def test_colours_stored_under_their_opacity_are_brought_back(tmp_path):
    stored = multiplied()
    form = tiff16(stored, photometric="rgb", extrasamples=["assocalpha"])
    path = write(tmp_path / "set", form)
    seen = train_on(path.parent, 3)["target"][0].permute(1, 2, 0).numpy()
    assert np.abs(seen * 65535 - DEEP).max() <= 1.01  # half a level of 16 bits, over 0.5 opacity
