import os
import stat

import pytest
import torch
from safetensors.torch import save_file

from utils.errors import PellucidError
from utils.files import atomic_path, atomic_write_bytes, atomic_write_text, cache_folder


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "new folder" / "Größe 日本.txt"
    atomic_write_text(path, "first")
    atomic_write_text(path, "zweitens: ü")
    assert path.read_bytes() == "zweitens: ü".encode()
    assert os.listdir(path.parent) == [path.name]


def test_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "weights.bin"
    atomic_write_bytes(path, b"old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise RuntimeError("encoder died")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["weights.bin"]


def test_nothing_stands_at_the_place_before_the_end(tmp_path):
    path = tmp_path / "plot.png"
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"data")
        assert not path.exists()
        assert temporary.parent == tmp_path and temporary.suffix == ".png"
        assert temporary.name.startswith(".")
    assert path.read_bytes() == b"data"


def test_permissions_follow_the_umask(tmp_path):
    path, plain = tmp_path / "a", tmp_path / "b"
    atomic_write_bytes(path, b"")
    plain.write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("place", ["file/below.txt", "folder"])
def test_refusal_names_the_path(tmp_path, place):
    (tmp_path / "file").write_text("a file where a folder should be")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PellucidError, match=place):
        atomic_write_bytes(tmp_path / place, b"x")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_others_may_read_what_safetensors_wrote(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with atomic_path(tmp_path / "w.safetensors") as temporary:
        save_file({"a": torch.zeros(1)}, temporary)
    assert (tmp_path / "w.safetensors").stat().st_mode == plain.stat().st_mode


def test_the_cache_is_where_the_user_says_or_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder("graphs") == tmp_path / "cache" / "pellucid" / "graphs"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder("graphs") == tmp_path / "home" / ".cache" / "pellucid" / "graphs"


def test_a_user_without_a_home_is_told_what_to_set(homeless):
    with pytest.raises(PellucidError, match="no home folder .* set XDG_CACHE_HOME"):
        cache_folder("graphs")
