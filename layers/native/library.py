"""The C code of this folder, compiled once on the machine that runs it, and loaded.

`python -m layers.native.library` compiles it for all kinds of processors that it is meant for: for
an image that is to run on other machines. It needs no PyTorch.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
from functools import cache
from os.path import isfile  # Path's own raises where a folder may not be entered
from pathlib import Path

from utils.errors import PellucidError
from utils.files import atomic_path, cache_folder

# By what PyTorch calls the processor (torch.backends.cpu.get_cpu_capability). Others have nothing
# to gain, or have never been measured.
_TARGETS = {"AVX512": "x86-64-v4", "AVX2": "x86-64-v3"}
_FOLDER = Path(__file__).parent
_TELLING = re.compile("failed:|error:|cannot find")  # of many lines; the last seldom is
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_ssize_t
_FUNCTIONS = {  # what they take
    "winograd": [_POINTER] * 4 + [_SIZE] * 6 + [ctypes.c_float, ctypes.c_int],
    "pointwise": [_POINTER] * 4 + [_SIZE] * 3 + [ctypes.c_float, ctypes.c_int],
    "narrow": [_POINTER] * 4 + [_SIZE] * 6 + [ctypes.c_float, ctypes.c_int],
    "lanes": [],
    "widest": [],
}


def is_available() -> bool:
    """Whether there is code for this processor, or a compiler to make it.

    Raises:
        PellucidError: where code would be kept, or the compiler, cannot be told.
    """
    capability = _capability()
    if capability not in _TARGETS:
        return False
    return isfile(_path(capability)) or shutil.which(_compiler()[0]) is not None


@cache
def load() -> ctypes.CDLL:
    """`winograd`, `pointwise`, `narrow`, and what the layout of weights depends on.

    What they take is told where they are defined, in C.

    Raises:
        PellucidError: no code for this processor, no compiler, it fails, or what it made cannot be
            loaded.
    """
    capability = _capability()
    if capability not in _TARGETS:
        raise PellucidError(f"there are no convolutions of Pellucid's own for {capability}")
    path = compiled(capability)
    try:
        # Its OpenMP is what PyTorch has loaded: two of them would compete for the cores.
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise PellucidError(f"{path}: cannot be loaded ({error}); delete it") from error
    for name, takes in _FUNCTIONS.items():
        getattr(library, name).argtypes = takes
    return library


def compiled(capability: str) -> Path:
    """The library for a kind of processor, which is compiled if it is not there.

    Raises:
        PellucidError: there is no compiler, it fails, or the result cannot be kept.
    """
    path = _path(capability)
    if isfile(path):
        return path
    compiler = _compiler()
    if shutil.which(compiler[0]) is None:
        raise PellucidError(f"{compiler[0]} is not there to compile {_FOLDER}; install it")
    with atomic_path(path) as result:
        _compile([*compiler, *_flags(capability), "-o", str(result), *map(str, _sources())])
    return path


def _compile(command: list[str]) -> None:
    english = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, env=english, capture_output=True, check=False)
    except OSError as error:  # it is no program
        raise PellucidError(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        lines = lines or [f"status {done.returncode}"]
        said = next(filter(_TELLING.search, lines), lines[-1])
        raise PellucidError(f"{command[0]} cannot compile {_FOLDER}: {said}")


def _capability() -> str:
    import torch

    return torch.backends.cpu.get_cpu_capability()


def _compiler() -> list[str]:
    asked = os.environ.get("CC", "")
    try:
        return shlex.split(asked) or ["cc"]
    except ValueError as error:
        raise PellucidError(f"the variable CC is {asked!r}: {error}") from error


def _flags(capability: str) -> list[str]:
    return ["-O3", f"-march={_TARGETS[capability]}", "-fopenmp", "-shared", "-fPIC"]


def _sources() -> list[Path]:
    return sorted(_FOLDER.glob("*.c"))


def _path(capability: str) -> Path:
    digest = hashlib.sha256(" ".join(_flags(capability)).encode())
    for source in [*_sources(), *sorted(_FOLDER.glob("*.h"))]:
        digest.update(source.read_bytes())
    return cache_folder("native") / f"convolutions-{digest.hexdigest()[:32]}.so"


if __name__ == "__main__":
    for _name in _TARGETS if platform.machine() == "x86_64" else ():
        compiled(_name)
