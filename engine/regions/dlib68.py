"""dlib's face detector and its 68 landmarks, both optional: requirements-face.txt.

Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees", CVPR
2014. The landmark model was trained on 300-W, whose licence excludes commercial use.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engine.regions.mouths import Mouth
from utils.errors import PellucidError

_PACKAGES = ("dlib", "face_recognition_models")
_MODEL = Path("models") / "shape_predictor_68_face_landmarks.dat"
# Of the 68, the mouth's: its corners first, then what else is on the outer and inner outline.
_MOUTH = (48, 54, *(point for point in range(48, 68) if point not in (48, 54)))
_LONGER_SIDE = 1280  # faces of 80 pixels and more are found: larger pictures need not be searched


def dlib_is_installed() -> bool:
    """Whether the packages of requirements-face.txt are there."""
    return all(find_spec(package) is not None for package in _PACKAGES)


class Dlib68:
    """Finds mouths by 20 points on their outlines, of upright faces seen from the front.

    Raises:
        PellucidError: the packages are not installed.
    """

    def __init__(self) -> None:
        if not dlib_is_installed():
            raise PellucidError(
                "dlib's face detector is not installed: pip install -r requirements-face.txt; "
                "or take YuNet: --detector yunet"
            )
        dlib = import_module("dlib")
        self._detector: Any = dlib.get_frontal_face_detector()
        self._landmarks: Any = dlib.shape_predictor(str(_landmark_file()))

    def find(self, image: np.ndarray) -> list[Mouth]:
        """See `MouthDetector.find`; the points are 20, on the outer and the inner outline."""
        height, width = image.shape[:2]
        factor = min(1.0, _LONGER_SIDE / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        stretch = np.array([width / size[0], height / size[1]])
        mouths = []
        for box in self._detector(small, 0):
            shape = self._landmarks(small, box)
            points = np.array([(shape.part(i).x, shape.part(i).y) for i in _MOUTH], np.float64)
            mouths.append(Mouth((points + 0.5) * stretch - 0.5, box.width() * stretch[0]))
        return mouths


def _landmark_file() -> Path:
    """The model inside its package, which itself cannot be imported without pkg_resources."""
    spec = find_spec("face_recognition_models")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / _MODEL
