import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageOps

from utils.errors import ImageError, ImageFormatError, ImageTooLargeError
from utils.images import (
    decode_image,
    encode_image,
    encode_png,
    image_size,
    list_images,
    read_image,
    to_tensor,
    to_uint8,
    to_uint16,
    write_image,
)


@pytest.fixture
def picture(rng):
    """A smooth 24x36 RGB picture without any symmetry."""
    return cv2.GaussianBlur(rng.integers(0, 256, (24, 36, 3), dtype=np.uint8), (7, 7), 2)


@pytest.fixture
def deep(rng):
    return rng.integers(0, 65536, (24, 36, 3)).astype(np.uint16)


def save(path, picture, mode="RGB", **options):
    Image.fromarray(picture).convert(mode).save(path, **options)
    return path


# Numbers


@pytest.mark.parametrize(("value", "stored"), [(0.0, 0), (0.5, 128), (1.0, 255)])
def test_eight_bits_are_exact_at_the_ends_and_the_middle(value, stored):
    assert to_uint8(torch.full((3, 2, 2), value)).tolist() == [[[stored] * 3] * 2] * 2


def test_ties_round_to_even_and_values_are_not_cut_off():
    values = torch.tensor([0.5, 1.5, 2.5, 254.5, 0.4999, 1.9]) / 255
    assert to_uint8(values.view(1, 1, -1)).ravel().tolist() == [0, 2, 2, 254, 0, 2]


def test_values_outside_the_range_are_clamped():
    assert to_uint8(torch.tensor([[[-0.3, 1.7]]])).ravel().tolist() == [0, 255]


@pytest.mark.parametrize(
    ("dtype", "back"), [(np.uint8, to_uint8), (np.uint16, to_uint16)], ids=["8 bit", "16 bit"]
)
def test_every_value_comes_back(dtype, back):
    values = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(16, -1, 1)
    tensor = to_tensor(values)
    assert tensor.dtype == torch.float32 and tensor.shape == (1, 16, values.shape[1])
    assert tensor.min() == 0.0 and tensor.max() == 1.0
    returned = back(tensor)
    assert returned.dtype == dtype and np.array_equal(returned, values)


def test_batches_keep_their_order(picture):
    batch = torch.stack([to_tensor(picture), to_tensor(picture[::-1])])
    returned = to_uint8(batch)
    assert np.array_equal(returned[0], picture) and np.array_equal(returned[1], picture[::-1])


def test_half_precision_is_rounded_in_full():
    values = torch.arange(256) / 255
    assert to_uint8(values.half().view(1, 1, -1)).ravel().tolist() == list(range(256))


def test_only_pictures_become_tensors():
    with pytest.raises(ValueError, match="float64"):
        to_tensor(np.zeros((2, 2, 3)))


# Reading, against Pillow and tifffile


def test_red_is_first(tmp_path):
    red = np.zeros((5, 7, 3), np.uint8)
    red[..., 0] = 255
    path = save(tmp_path / "red.png", red)
    assert read_image(path)[2, 3].tolist() == [255, 0, 0]
    assert to_tensor(read_image(path))[:, 2, 3].tolist() == [1, 0, 0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "bmp"])
def test_reads_what_pillow_reads(tmp_path, picture, suffix):
    path = save(tmp_path / f"a.{suffix}", picture)
    expected = np.asarray(Image.open(path).convert("RGB")).astype(int)
    tolerance = 3 if suffix in ("jpg", "webp") else 0  # decoders of lossy formats may differ
    assert np.abs(read_image(path) - expected).max() <= tolerance
    assert image_size(path) == (24, 36)


def test_gray_is_luma_not_a_mean(tmp_path, picture):
    path = save(tmp_path / "a.png", picture)
    expected = np.asarray(Image.open(path).convert("L")).astype(int)
    gray = read_image(path, channels=1)
    assert gray.shape == (24, 36, 1) and np.abs(gray[..., 0] - expected).max() <= 1


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_gray_files_stay_gray(tmp_path, picture, mode):
    path = save(tmp_path / "a.png", picture, mode)
    expected = np.asarray(Image.open(path).convert("L"))
    assert np.array_equal(read_image(path)[..., 0], expected)
    assert read_image(path).shape[2] == 1
    assert np.array_equal(read_image(path, channels=3), np.stack([expected] * 3, axis=2))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_kept(tmp_path, deep, channels, suffix):
    path = tmp_path / f"a.{suffix}"
    write_image(path, deep[..., :channels])
    returned = read_image(path)
    assert returned.dtype == np.uint16 and np.array_equal(returned, deep[..., :channels])
    assert read_image(path, channels=3).shape == deep.shape
    assert read_image(path, channels=1).dtype == np.uint16


def test_sixteen_bits_of_another_writer_and_reader(tmp_path, deep):
    tifffile.imwrite(tmp_path / "theirs.tif", deep, photometric="rgb")
    assert np.array_equal(read_image(tmp_path / "theirs.tif"), deep)
    write_image(tmp_path / "ours.tif", deep)
    assert np.array_equal(tifffile.imread(tmp_path / "ours.tif"), deep)
    write_image(tmp_path / "gray.png", deep[..., :1])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "gray.png")), deep[..., 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_with_white_as_zero(tmp_path, deep, dtype):
    stored = (deep[..., 0] >> (16 - 8 * np.dtype(dtype).itemsize)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], np.iinfo(dtype).max - stored)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_palette_is_expanded(tmp_path, picture, suffix):
    path = save(tmp_path / f"a.{suffix}", picture, "P")
    assert np.array_equal(read_image(path), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_transparency_is_dropped_or_kept(tmp_path, picture, suffix):
    alpha = np.full((24, 36, 1), 77, np.uint8)
    path = tmp_path / f"a.{suffix}"
    write_image(path, np.concatenate([picture, alpha], axis=2))
    assert np.array_equal(np.asarray(Image.open(path))[..., 3:], alpha)
    assert np.array_equal(read_image(path), picture)
    kept = read_image(path, keep_alpha=True)
    assert np.array_equal(kept[..., :3], picture) and np.array_equal(kept[..., 3:], alpha)


def test_transparency_of_palette_and_gray(tmp_path, picture):
    path = save(tmp_path / "p.png", picture, "P", transparency=0)
    expected = np.asarray(Image.open(path).convert("RGBA"))
    assert np.array_equal(read_image(path, keep_alpha=True)[..., 3], expected[..., 3])
    assert read_image(path).shape[2] == 3
    path = save(tmp_path / "la.png", picture, "LA")
    assert read_image(path, keep_alpha=True).shape[2] == 4
    assert read_image(save(tmp_path / "rgb.png", picture), keep_alpha=True).shape[2] == 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_orientation_is_respected(tmp_path, picture, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a.{suffix}", picture, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    returned = read_image(path)
    assert returned.shape == expected.shape
    assert np.abs(returned - expected).max() <= 3
    assert image_size(path) == returned.shape[:2] == ((24, 36) if orientation < 5 else (36, 24))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_sixteen_bit_tiff(tmp_path, deep, orientation):
    path = tmp_path / "a.tif"
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(path, deep, photometric="rgb", extratags=tags)
    eight = save(tmp_path / "eight.tif", (deep >> 8).astype(np.uint8), tiffinfo={274: orientation})
    assert np.array_equal(read_image(path) >> 8, read_image(eight))
    assert image_size(path) == read_image(path).shape[:2]


def test_orientation_chunk_behind_the_pixels(picture):
    plain = encode_png(picture)
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", exif=exif)
    turned = stream.getvalue()
    start = turned.index(b"eXIf") - 4
    chunk = turned[start : start + 12 + int.from_bytes(turned[start : start + 4], "big")]
    data = plain[:-12] + chunk + plain[-12:]
    assert np.array_equal(decode_image(data, "a"), np.rot90(picture, -1))


def test_non_ascii_names(tmp_path, picture):
    path = tmp_path / "Фото 日本 ü" / "ñandú 猫.png"
    write_image(path, picture)
    assert np.array_equal(read_image(path), picture)
    assert image_size(path) == (24, 36)
    assert list_images(path.parent) == [path]


def test_content_decides_not_the_suffix(tmp_path, picture):
    path = tmp_path / "a.jpg"
    path.write_bytes(encode_png(picture))
    assert np.array_equal(read_image(path), picture)


# What is refused


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "bmp"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_truncated_files(tmp_path, rng, suffix, kept):
    path = save(tmp_path / f"a.{suffix}", rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ImageError, match=rf"a\.{suffix}"):
        read_image(path)


def test_jpeg_cut_behind_its_thumbnail(picture):
    thumbnail, stream = io.BytesIO(), io.BytesIO()
    Image.fromarray(picture).save(thumbnail, "JPEG")
    comment = thumbnail.getvalue()[:60000]  # holds an end mark of its own
    Image.fromarray(picture).save(stream, "JPEG", comment=comment)
    data = stream.getvalue()
    assert decode_image(data, "whole").shape == picture.shape
    with pytest.raises(ImageError, match="incomplete"):
        decode_image(data[:-2], "cut")


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a picture at all", b"\x89PNG\r\n\x1a\n"])
def test_not_pictures(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for read in (read_image, image_size):
        with pytest.raises(ImageError, match=r"a\.png") as caught:
            read(path)
        assert "\n" not in str(caught.value)


SVG = b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


@pytest.mark.parametrize("kind", ["GIF", "JPEG2000", "PPM", "ICO"])
def test_formats_that_are_not_read_are_named(picture, kind):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind)
    with pytest.raises(ImageFormatError, match=rf"^a: {kind} pictures are not read; convert it"):
        decode_image(stream.getvalue(), "a")


@pytest.mark.parametrize(("data", "kind"), [(SVG, "SVG"), (HEIC, "HEIF")])
def test_formats_that_pillow_does_not_know_are_named(data, kind):
    with pytest.raises(ImageFormatError, match=kind):
        decode_image(data, "a")


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_bomb_is_refused_by_its_header():
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"")
    with pytest.raises(ImageTooLargeError, match="too large"):
        decode_image(data, "a")


def test_missing_file_and_folder(tmp_path):
    for read in (read_image, image_size, list_images):
        with pytest.raises(ImageError, match="nowhere"):
            read(tmp_path / "nowhere")


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_is_refused_by_name(tmp_path, picture, suffix):
    path = save(tmp_path / f"a.{suffix}", picture, "CMYK")
    with pytest.raises(ImageError, match="CMYK"):
        read_image(path)


def test_floating_point_is_refused_by_name(tmp_path, picture):
    tifffile.imwrite(tmp_path / "gray.tif", picture[..., 0].astype(np.float32))
    tifffile.imwrite(tmp_path / "rgb.tif", picture.astype(np.float32), photometric="rgb")
    for path in list_images(tmp_path):
        with pytest.raises(ImageError, match=path.name):
            read_image(path)


# Writing


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "bmp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_formats_come_back(tmp_path, picture, suffix, channels):
    path = tmp_path / f"a.{suffix}"
    write_image(path, picture[..., :channels])
    assert np.array_equal(read_image(path, channels=channels), picture[..., :channels])


def test_png_bytes_come_back(picture, deep):
    for image in (picture, deep, picture[..., :1], deep[..., 0]):
        assert np.array_equal(decode_image(encode_png(image), "bytes").squeeze(), image.squeeze())


@pytest.mark.parametrize(
    ("suffix", "channels", "dtype"),
    [
        (".jpg", 3, np.uint16),
        (".webp", 3, np.uint16),
        (".jpg", 4, np.uint8),
        (".bmp", 4, np.uint8),
        (".gif", 3, np.uint8),
        ("", 3, np.uint8),
        (".png", 2, np.uint8),
        (".png", 3, np.float32),
    ],
)
def test_what_a_format_cannot_hold_leaves_no_file(tmp_path, suffix, channels, dtype):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(ImageError):
        write_image(path, np.zeros((4, 4, channels), dtype))
    assert os.listdir(tmp_path) == []


def test_failed_encoding_keeps_the_old_file(tmp_path, picture):
    path = tmp_path / "a.webp"
    write_image(path, picture)
    with pytest.raises(ImageError, match=r"a\.webp"):
        write_image(path, np.zeros((2, 17000, 3), np.uint8))  # WebP ends at 16383 pixels
    assert np.array_equal(read_image(path), picture)
    assert os.listdir(tmp_path) == ["a.webp"]


@pytest.mark.parametrize(
    ("suffix", "longest"), [(".jpg", 65_500), (".webp", 16_383), (".png", 10**6)]
)
def test_how_long_a_side_may_be(suffix, longest):
    """What is allowed can be written and read; what is more is told by its size."""
    longest_line = np.zeros((1, longest, 1), np.uint8)
    data = encode_image(longest_line, suffix, "a")
    assert decode_image(data, "a", 1).shape == longest_line.shape
    with pytest.raises(ImageError, match=rf"a: cannot be 1x{longest + 1} pixels; {suffix} ends at"):
        encode_image(np.zeros((longest + 1, 1), np.uint8), suffix, "a")


def test_list_images(tmp_path, picture):
    for name in ("b.PNG", "a.jpeg", "c.TiF", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "d.png").symlink_to(tmp_path / "gone.png")
    assert [path.name for path in list_images(tmp_path)] == ["a.jpeg", "b.PNG", "c.TiF", "d.png"]
