"""The sRGB tone curve, against scikit-image's."""

import numpy as np
import pytest
import skimage.color

from utils.srgb import decode_srgb, encode_srgb


def test_the_curve_is_skimages():
    code = np.linspace(0, 1, 1001)
    gray = np.repeat(code[:, None], 3, axis=1)
    assert decode_srgb(code) == pytest.approx(skimage.color.rgb2xyz(gray)[:, 1], abs=1e-6)


def test_encoding_undoes_decoding():
    code = np.linspace(0, 1, 65536, dtype=np.float32).reshape(256, 256, 1)
    light = decode_srgb(code)
    assert light.dtype == np.float32 and light.shape == code.shape
    assert encode_srgb(light) == pytest.approx(code, abs=1e-6)
