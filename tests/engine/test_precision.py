"""Devices and precisions are resolved once, or refused in words."""

import pytest
import torch

from engine.precision import autocast, resolve_device, resolve_precision
from utils.errors import ConfigError

CPU = torch.device("cpu")


def test_auto_on_cpu_is_float32():
    assert resolve_precision("auto", CPU) == "float32"


def test_device_names():
    assert resolve_device("cpu") == CPU
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected


@pytest.mark.parametrize("name", ["cpuu", "mps", "gpu 1", ""])
def test_unknown_device_is_refused(name):
    with pytest.raises(ConfigError, match="DEVICE"):
        resolve_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_missing_cuda_is_said():
    with pytest.raises(ConfigError, match="no CUDA device; use cpu or auto"):
        resolve_device("cuda")


def test_unknown_and_unsupported_precision():
    with pytest.raises(ConfigError, match="did you mean bf16"):
        resolve_precision("bf61", CPU)
    with pytest.raises(ConfigError, match="does not bear fp16"):
        resolve_precision("fp16", CPU, ("float32", "bf16"))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_autocast_computes_in_the_precision(precision, dtype):
    layer = torch.nn.Conv2d(1, 1, 3)
    with autocast(CPU, precision):
        assert layer(torch.rand(1, 1, 8, 8)).dtype == dtype
