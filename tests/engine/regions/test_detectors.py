"""Two real detectors on a real face: where its mouth is, and how it lies."""

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from engine.regions import detectors
from engine.regions.detectors import open_detector
from engine.regions.mouths import SIDE, cut_mouths, square_around
from engine.regions.yunet import kept_yunet
from utils.errors import CheckpointError, ConfigError, PellucidError

MOUTH = (222, 149)  # the middle of the portrait's mouth, in pixels, as a person sees it


def turned(picture, degrees):
    """The picture turned about its middle, counter-clockwise, and what does it to points."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), matrix


def test_the_mouth_is_where_it_is(detector, portrait):
    (mouth,) = detector.find(portrait)
    square = square_around(mouth)
    assert np.hypot(square.x - MOUTH[0], square.y - MOUTH[1]) < 6
    assert 60 < square.side < 110
    assert mouth.points[0, 0] < mouth.points[1, 0]  # the person's right is the picture's left
    assert abs(np.degrees(square.angle)) < 15


@pytest.mark.parametrize("degrees", [-15, 15])
def test_the_square_turns_with_the_face(detector, portrait, degrees):
    upright = square_around(detector.find(portrait)[0])
    picture, matrix = turned(portrait, degrees)
    square = square_around(detector.find(picture)[0])
    expected = matrix[:, :2] @ [upright.x, upright.y] + matrix[:, 2]
    assert np.hypot(*(expected - [square.x, square.y])) < 0.15 * upright.side
    assert np.degrees(upright.angle - square.angle) == pytest.approx(degrees, abs=10)
    assert square.side == pytest.approx(upright.side, rel=0.2)


def test_every_face_is_found_and_no_face_is_none(detector, portrait):
    assert len(detector.find(np.hstack([portrait[:320], portrait[:320, ::-1]]))) == 2
    assert detector.find(skimage.data.coffee()) == []
    assert detector.find(np.zeros((1, 1, 3), np.uint8)) == []


def test_a_large_picture_has_the_mouth_at_its_own_place(detector, portrait):
    large = cv2.resize(portrait, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    one, other = (square_around(detector.find(picture)[0]) for picture in (portrait, large))
    there = 4 * (np.array([one.x, one.y]) + 0.5) - 0.5
    assert np.hypot(*(there - [other.x, other.y])) < 0.1 * other.side
    assert other.side == pytest.approx(4 * one.side, rel=0.15)


def test_both_detectors_agree(yunet, dlib, portrait):
    one, other = (square_around(detector.find(portrait)[0]) for detector in (yunet, dlib))
    assert np.hypot(one.x - other.x, one.y - other.y) < 0.2 * one.side
    assert one.side == pytest.approx(other.side, rel=0.25)


def test_mouths_below_a_size_are_left_out(detector, portrait):
    (mouth,) = cut_mouths(portrait, detector, least=40)
    assert mouth.shape == (SIDE, SIDE, 3) and mouth.dtype == np.uint8
    assert cut_mouths(portrait, detector, least=120) == []


def test_no_detector_at_hand_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("engine.regions.yunet._URL", "http://127.0.0.1:9/yunet.onnx")
    monkeypatch.setattr(detectors, "dlib_is_installed", lambda: False)
    assert kept_yunet() is None
    with pytest.raises(PellucidError) as error:
        open_detector()
    assert "no face detector is at hand" in str(error.value)
    assert "--detector-model FILE" in str(error.value)
    assert "requirements-face.txt" in str(error.value)
    monkeypatch.setattr("engine.regions.dlib68._PACKAGES", ("no_such_package",))
    with pytest.raises(PellucidError, match=r"pip install -r requirements-face.txt"):
        open_detector("dlib")


def test_a_file_that_is_no_detector_is_named(tmp_path):
    file = tmp_path / "other.onnx"
    with pytest.raises(CheckpointError, match=r"other.onnx: there is no such face detector"):
        open_detector("yunet", file)
    file.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"other.onnx: is no face detector"):
        open_detector("auto", file)
    with pytest.raises(ConfigError, match="did you mean yunet"):
        open_detector("yunett")
    with pytest.raises(ConfigError, match="dlib comes with its own model"):
        open_detector("dlib", file)
