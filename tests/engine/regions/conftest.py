"""Detectors and a face: NASA's portrait of Eileen Collins, in the public domain."""

import numpy as np
import pytest
import skimage.data

from engine.regions.detectors import open_detector
from engine.regions.dlib68 import dlib_is_installed


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def yunet_file(shared_dir):
    return shared_dir / "data" / "weights" / "yunet_n_640_640.onnx"


@pytest.fixture(scope="session")
def yunet(yunet_file):
    return open_detector("yunet", yunet_file)


@pytest.fixture(scope="session")
def dlib():
    if not dlib_is_installed():
        pytest.skip("needs the packages of requirements-face.txt")
    return open_detector("dlib")


@pytest.fixture(scope="session", params=["yunet", "dlib"])
def detector(request):
    return request.getfixturevalue(request.param)
