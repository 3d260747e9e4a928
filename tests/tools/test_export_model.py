"""tools/export_model.py as its users run it."""

import numpy as np
import pytest

from config import from_dict
from engine.checkpoint import save_weights
from tests.forks import run
from tests.modeling.small_architectures import SMALL, small
from tools.export_model import build_parser, main
from utils.command_line import run_tool
from utils.images import read_image, write_image

pytestmark = pytest.mark.apart

pytest.importorskip("onnxscript", reason="needs requirements-serve.txt")
pytest.importorskip("onnxruntime", reason="needs requirements-serve.txt")


@pytest.fixture
def weights(tmp_path):
    cfg = from_dict({"MODEL": {"NAME": "EDSR", "ARGS": SMALL["EDSR"]}})
    save_weights(tmp_path / "edsr.safetensors", small("EDSR"), cfg, {})
    return tmp_path / "edsr.safetensors"


def test_what_is_exported_restores_as_its_weights_do(weights, tmp_path, rng):
    write_image(tmp_path / "a.png", rng.integers(0, 256, (31, 47, 3), dtype=np.uint8))
    done = run("export_model", "--weights", "edsr.safetensors", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "EDSR: edsr.onnx" in done.stdout and "of PyTorch at 1x37x53, 2x" in done.stdout
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CACHE_HOME")}
    for name in ("edsr.onnx", "edsr.safetensors"):
        words = ["a.png", "-o", f"{name}.png", "--weights", name, "--device", "cpu"]
        done = run("restore", *words, folder=tmp_path, environment=home)
        assert done.returncode == 0, done.stderr
    # ONNX Runtime would keep what it reports about its users there.
    assert not list((tmp_path / "home").rglob("*onnxruntime*"))
    exported, expected = (
        read_image(tmp_path / f"edsr.{kind}.png").astype(int) for kind in ("onnx", "safetensors")
    )
    assert exported.shape == (93, 141, 3)
    assert np.abs(exported - expected).max() <= 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--weights", "no.safetensors"], "no.safetensors: there is no such weights file"),
        (["--weights", "edsr.safetensors", "-o", "edsr.pt"], "ends in .onnx"),
        (["--weights", "edsr.safetensors", "-o", "there.onnx"], "already there; use --force"),
        (["--weights", "there.onnx", "-o", "new.onnx"], "is no whole ONNX file"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(
    words, says, weights, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.onnx").write_text("what was there")
    before = sorted(tmp_path.iterdir())
    assert run_tool(main, build_parser(), words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert sorted(tmp_path.iterdir()) == before
