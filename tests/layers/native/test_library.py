"""Compiling: once, whole or not at all, and refusals in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from layers.native import library
from utils.errors import PellucidError

ROOT = Path(__file__).parents[3]

needs_compiler = pytest.mark.skipif(not library.is_available(), reason="nothing can be compiled")


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def program(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


@needs_compiler
def test_it_is_compiled_once():
    path = library.compiled("AVX2")
    written = path.stat().st_mtime_ns
    assert library.compiled("AVX2") == path
    assert path.stat().st_mtime_ns == written
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@needs_compiler
def test_an_image_for_other_machines_gets_all_of_it(empty_cache):
    subprocess.run([sys.executable, "-m", "layers.native.library"], check=True, cwd=ROOT)
    assert len(list((empty_cache / "pellucid" / "native").iterdir())) == 2


@pytest.mark.parametrize(
    ("compiler", "says"),
    [
        ("exit 1", "status 1"),
        ("echo 'something else' >&2\necho 'error: no such processor' >&2\nexit 1", "no such proc"),
    ],
)
def test_a_compiler_that_fails_is_told_in_one_line(compiler, says, monkeypatch, tmp_path):
    monkeypatch.setenv("CC", program(tmp_path / "compiler", compiler))
    with pytest.raises(PellucidError, match=says) as refused:
        library.compiled("AVX512")
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "cache" / "pellucid" / "native").iterdir())


def test_without_a_compiler_there_is_none(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert not library.is_available()
    with pytest.raises(PellucidError, match="no-such-compiler is not there to compile"):
        library.compiled("AVX512")


@needs_compiler
def test_a_cache_that_cannot_be_written_is_named(empty_cache):
    empty_cache.write_text("a file where the folder should be")
    with pytest.raises(PellucidError, match=str(empty_cache)):
        library.compiled("AVX512")


@needs_compiler
def test_what_is_no_library_is_named():
    path = library.compiled(library._capability())
    path.write_text("no library")
    with pytest.raises(PellucidError, match=f"{path}: cannot be loaded .*; delete it"):
        library.load.__wrapped__()
