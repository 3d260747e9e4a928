"""Copies made from real photographs, against real photographs that are none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from data.doctor.copies import copy_findings
from data.doctor.decoding import decode_all
from data.inventory import SampleFiles
from utils.images import list_images


def thumbnails(files) -> dict[Path, np.ndarray]:
    made, damaged = decode_all("val", [SampleFiles(file) for file in files])
    assert not damaged
    return made


@pytest.fixture(scope="module")
def bsds(shared_dir) -> dict[Path, np.ndarray]:
    return thumbnails(list_images(shared_dir / "data/photos/bsds400"))


def scaled(image):
    return cv2.resize(image, None, fx=0.72, fy=0.72, interpolation=cv2.INTER_AREA)


def trimmed(image):
    height, width = image.shape[:2]
    return image[height // 25 :, : width - width // 20]


CHANGES = {
    "rescaled": (scaled, [".png"]),
    "mirrored": (lambda image: image[:, ::-1], [".png"]),
    "turned": (lambda image: image.swapaxes(0, 1)[::-1], [".png"]),
    "recompressed": (lambda image: image, [".jpg", [cv2.IMWRITE_JPEG_QUALITY, 60]]),
    "all at once": (
        lambda image: scaled(trimmed(image))[:, ::-1],
        [".jpg", [cv2.IMWRITE_JPEG_QUALITY, 60]],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_copies_are_found_and_named(bsds, tmp_path, change):
    make, encoding = CHANGES[change]
    originals = list(bsds)[::20]
    copies = {}
    for original in originals:
        data = cv2.imencode(encoding[0], make(cv2.imread(str(original))), *encoding[1:])[1]
        path = tmp_path / f"copy_{original.stem}{encoding[0]}"
        path.write_bytes(data.tobytes())
        copies[path] = original
    findings = copy_findings("val", thumbnails(copies), bsds)
    assert [finding.file for finding in findings] == list(copies)
    for finding in findings:
        assert f"train's {copies[finding.file]} " in finding.what


@pytest.mark.parametrize("other", ["sr/Set5", "sr/Set14", "sr/BSD100", "lowlight/lol_v2_real/high"])
def test_other_pictures_are_no_copies(bsds, shared_dir, other):
    findings = copy_findings("val", thumbnails(list_images(shared_dir / "data" / other)), bsds)
    assert [str(finding) for finding in findings] == []


def test_what_benchmarks_share_is_found(shared_dir):
    """Set5's "head" and Set14's "face" are one photograph, of two different encodings."""
    five, fourteen = (
        thumbnails(list_images(shared_dir / "data/sr" / name)) for name in ("Set5", "Set14")
    )
    (finding,) = copy_findings("val", five, fourteen)
    assert finding.file.name == "img_004.png" and "Set14/img_006.png" in finding.what


def test_blank_pictures_are_nobody_s_copies():
    blank = {Path(name): np.full((48, 48), 200, np.float32) for name in ("a", "b")}
    assert copy_findings("val", blank, blank) == []
