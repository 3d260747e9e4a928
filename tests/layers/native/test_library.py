"""Compiling: once, whole or not at all, and refusals in one line."""

import os
import subprocess
import sys
from contextlib import contextmanager
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


@contextmanager
def without_rights():
    """As a user who may not do all."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


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
        ("echo 'ld: cannot find -lgomp' >&2\necho 'error: ld returned 1' >&2\nexit 1", "-lgomp"),
        ("echo 'ld: final link failed: No space' >&2\necho 'error: ld' >&2\nexit 1", "No space"),
        ("printf 'killed: \\377' >&2\nkill -9 $$", "killed: "),
    ],
)
def test_a_compiler_that_fails_is_told_in_one_line(compiler, says, monkeypatch, tmp_path):
    monkeypatch.setenv("CC", program(tmp_path / "compiler", compiler))
    with pytest.raises(PellucidError, match=says) as refused:
        library.compiled("AVX512")
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "cache" / "pellucid" / "native").iterdir())


@needs_compiler
def test_a_compiler_that_does_not_know_the_processor_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(library._TARGETS, "AVX512", "x86-64-v99")
    with pytest.raises(PellucidError, match="error: .*x86-64-v99") as refused:
        library.compiled("AVX512")
    assert "\n" not in str(refused.value)


@needs_compiler
def test_the_compiler_may_be_several_words(monkeypatch):
    monkeypatch.setenv("CC", f"env LANG=de_DE.UTF-8 {library._compiler()[0]}")
    assert library.is_available()
    assert library.compiled("AVX2").stat().st_size > 1000


def test_a_variable_that_cannot_be_read_is_named(monkeypatch):
    monkeypatch.setenv("CC", "gcc '-O1")
    with pytest.raises(PellucidError, match="variable CC is"):
        library.compiled("AVX2")


def test_what_is_no_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", program(tmp_path / "compiler", ""))
    (tmp_path / "compiler").write_bytes(b"\x7fELF and no more")
    with pytest.raises(PellucidError, match=f"{tmp_path}/compiler cannot be run"):
        library.compiled("AVX2")


@needs_compiler
def test_several_processes_compile_it_at_once(empty_cache):
    words = [sys.executable, "-m", "layers.native.library"]
    started = [subprocess.Popen(words, cwd=ROOT, env=os.environ.copy()) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    made = sorted((empty_cache / "pellucid" / "native").iterdir())
    assert [path.suffix for path in made] == [".so", ".so"]


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
def test_a_cache_that_may_not_be_entered_is_named(empty_cache):
    empty_cache.mkdir(mode=0)
    with without_rights(), pytest.raises(PellucidError, match=f"{empty_cache}.*denied"):
        assert library.is_available()
        library.compiled("AVX512")


@needs_compiler
def test_what_is_no_library_is_named():
    path = library.compiled(library._capability())
    path.write_text("no library")
    with pytest.raises(PellucidError, match=f"{path}: cannot be loaded .*; delete it"):
        library.load.__wrapped__()
