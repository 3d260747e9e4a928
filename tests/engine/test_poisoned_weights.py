"""A weights file with a pickle in it that would run something is refused, and runs nothing."""

import os
import pickle
from contextlib import suppress

import pytest
import torch

from engine.model_files import load_model
from tools.restore import build_parser, main
from utils.command_line import run_tool
from utils.errors import CheckpointError

pytestmark = pytest.mark.apart


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.fixture(params=["zip", "legacy", "plain"])
def bomb(request):
    """Write a file with a bomb as `torch.save` does it, new and old, or as pickle does."""

    def write(path, mark):
        content = {"weight": torch.ones(1), "extra": Bomb(str(mark))}
        if request.param == "plain":
            path.write_bytes(pickle.dumps(content))
        else:
            torch.save(content, path, _use_new_zipfile_serialization=request.param == "zip")

    return write


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".onnx"])
def test_it_is_refused_whatever_it_is_called(tmp_path, bomb, suffix, capsys):
    if suffix == ".onnx":
        pytest.importorskip("onnxruntime", reason="needs requirements-serve.txt")
    path, mark = tmp_path / f"weights{suffix}", tmp_path / "mark"
    bomb(path, mark)
    with pytest.raises(CheckpointError, match=f"weights{suffix}"):
        load_model(path)
    picture = tmp_path / "in.png"
    picture.write_bytes(b"")
    words = [picture, "-o", tmp_path / "out", "--weights", path, "--device", "cpu"]
    assert run_tool(main, build_parser(), [*map(str, words)]) == 2
    said = capsys.readouterr().err
    assert path.name in said and "Traceback" not in said and len(said.splitlines()) <= 2
    assert not mark.exists()


def test_it_would_have_run(tmp_path, bomb):
    """What the others refuse is no dud."""
    bomb(tmp_path / "weights.pth", tmp_path / "mark")
    with suppress(RuntimeError):
        torch.load(tmp_path / "weights.pth", weights_only=False)
    assert (tmp_path / "mark").exists()
