"""The C code of this folder, compiled once on the machine that runs it, and loaded.

`python -m layers.native.library` compiles it for every kind of processor, for an image that is to
run on other machines; it needs no PyTorch.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

from utils.errors import PellucidError
from utils.files import atomic_path, cache_folder

# By what PyTorch calls the processor (torch.backends.cpu.get_cpu_capability). Others have nothing
# to gain, or have never been measured.
_TARGETS = {"AVX512": "x86-64-v4", "AVX2": "x86-64-v3"}
_FOLDER = Path(__file__).parent
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_ssize_t
_FUNCTIONS = {  # what they take
    "winograd": [_POINTER] * 4 + [_SIZE] * 6 + [ctypes.c_float, ctypes.c_int],
    "pointwise": [_POINTER] * 4 + [_SIZE] * 3 + [ctypes.c_float, ctypes.c_int],
    "narrow": [_POINTER] * 4 + [_SIZE] * 6 + [ctypes.c_float, ctypes.c_int],
    "lanes": [],
    "widest": [],
}


def is_available() -> bool:
    """Whether there is code for this processor, or a compiler to make it."""
    capability = _capability()
    if capability not in _TARGETS:
        return False
    return _path(capability).is_file() or shutil.which(_compiler()[0]) is not None


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
    if path.is_file():
        return path
    compiler = _compiler()
    if shutil.which(compiler[0]) is None:
        raise PellucidError(f"{compiler[0]} is not there to compile {_FOLDER}; install it")
    try:
        with atomic_path(path) as result:
            command = [*compiler, *_flags(capability), "-o", str(result), *map(str, _sources())]
            subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or [f"status {error.returncode}"])[-1]
        raise PellucidError(f"{compiler[0]} cannot compile {_FOLDER}: {said}") from error
    return path


def _capability() -> str:
    import torch

    return torch.backends.cpu.get_cpu_capability()


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "")) or ["cc"]


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
    for _name in _TARGETS:
        compiled(_name)
