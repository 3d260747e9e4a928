"""Files that are fetched once: kept when they are what was asked for, and only then."""

import hashlib

import pytest
import torch

from utils.downloads import fetch_file, kept_file
from utils.errors import PellucidError


@pytest.fixture
def address(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    file = tmp_path / "model.onnx"
    file.write_bytes(b"a network")
    return file.as_uri()


def test_a_file_is_fetched_once_and_kept(address, tmp_path):
    digest = hashlib.sha256(b"a network").hexdigest()
    path = fetch_file(address, digest, "advice")
    assert path == kept_file(address) and path.read_bytes() == b"a network"
    (tmp_path / "model.onnx").unlink()
    assert fetch_file(address, digest, "advice") == path


def test_another_file_than_expected_is_not_kept(address):
    digest = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(
        PellucidError, match=r"model.onnx cannot be fetched \(invalid hash.*\nadvice"
    ):
        fetch_file(address, digest, "advice")
    assert not kept_file(address).exists()
    assert not list(kept_file(address).parent.iterdir())


def test_no_network_is_an_error_with_advice(address):
    with pytest.raises(PellucidError, match="cannot be fetched .*\nadvice"):
        fetch_file("http://127.0.0.1:9/model.onnx", "0" * 64, "advice")
