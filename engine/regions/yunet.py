"""YuNet, a small face detector, through OpenCV.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research, 2023.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from engine.regions.mouths import Mouth
from utils.downloads import fetch_file, kept_file
from utils.errors import CheckpointError

# OpenCV's model zoo at a fixed commit; the digest is the one that its Git LFS pointer states.
_URL = (
    "https://github.com/opencv/opencv_zoo/raw/47534e27c9851bb1128ccc0102f1145e27f23f98/"
    "models/face_detection_yunet/face_detection_yunet_2023mar.onnx"
)
_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
ADVICE = (
    "Download it elsewhere and name it, --detector-model FILE; or install dlib's detector: "
    "pip install -r requirements-face.txt"
)

# Trained on faces of 10 to 300 pixels: a picture is shrunk until its longer side has so many.
_LONGER_SIDE = 640
_SURE = 0.8  # least score of a face; on 69 photographs what scored less was none or 20 px wide
_OVERLAP = 0.3  # of two boxes that share more, one is dropped


def kept_yunet() -> Path | None:
    """The model's file, where it was fetched before."""
    path = kept_file(_URL)
    return path if path.is_file() else None


def fetch_yunet() -> Path:
    """The model's file, 0.2 MB, fetched from OpenCV's model zoo where it is not kept yet.

    Raises:
        PellucidError: it cannot be had; says what else to do.
    """
    return fetch_file(_URL, _SHA256, ADVICE)


class YuNet:
    """Finds mouths by their corners, of faces that are turned by up to about 45 degrees.

    Args:
        model: the network's ONNX file.

    Raises:
        CheckpointError: there is no such file, or OpenCV cannot use it.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise CheckpointError(f"{model}: there is no such face detector; {ADVICE}")
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(model), "", (_LONGER_SIDE, _LONGER_SIDE), _SURE, _OVERLAP
            )
        except cv2.error as error:
            raise CheckpointError(f"{model}: is no face detector that OpenCV reads") from error
        self._model = model

    def find(self, image: np.ndarray) -> list[Mouth]:
        """See `MouthDetector.find`; the points are the two corners, surest faces first.

        Raises:
            CheckpointError: the file holds another network than YuNet.
        """
        height, width = image.shape[:2]
        factor = min(1.0, _LONGER_SIDE / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        self._network.setInputSize(size)
        try:
            _, faces = self._network.detect(np.ascontiguousarray(small[..., ::-1]))
        except cv2.error as error:
            raise CheckpointError(f"{self._model}: is no YuNet that OpenCV can use") from error
        if faces is None:
            return []
        # Positions of pixel centres in the small picture, brought to the large one.
        stretch = np.array([width / size[0], height / size[1]])
        return [
            Mouth((face[10:14].reshape(2, 2) + 0.5) * stretch - 0.5, float(face[2] * stretch[0]))
            for face in faces
        ]
