"""Which program computes a network: PyTorch, or ONNX Runtime where that is faster."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import nn

from config import as_dict
from engine.export import export_onnx
from engine.model_files import StoredModel, is_onnx
from engine.onnx_network import OnnxNetwork, is_installed, load_onnx
from engine.precision import resolve_device
from engine.speed import resolve_memory_format
from modeling.folding import folded
from utils.errors import CheckpointError, ConfigError, PellucidError
from utils.logging import get_logger
from utils.registry import did_you_mean

_log = get_logger(__name__)

BACKENDS = ("auto", "pytorch", "onnxruntime")

# What "auto" gives to ONNX Runtime on a CPU: the architectures that it restores with faster than
# PyTorch does, folded and laid out as here (docs/export.md has the figures and their command).
FASTER_IN_ONNX_RUNTIME = frozenset({"MobileSR", "MouthNet"})
# What a kept graph was made by: changed code makes it anew.
_SOURCES = ("layers/*.py", "modeling/**/*.py", "engine/export.py", "engine/onnx_metadata.py")


def device_for(
    backend: str, device: str | torch.device, path: str | Path | None = None
) -> torch.device:
    """The device that a back end runs a file's network on.

    Args:
        backend: one of `BACKENDS`.
        device: "auto", "cpu", "cuda", or a device.
        path: the file; None where there is none.

    Raises:
        ConfigError: no such back end or device, or they do not go together.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"--backend: {backend!r}; {did_you_mean(backend, BACKENDS)}")
    exported = path is not None and is_onnx(path)
    if backend == "pytorch" and exported:
        raise ConfigError(
            f"--backend pytorch: {path} is run by ONNX Runtime; give the weights that it was "
            "exported from"
        )
    if backend != "onnxruntime" and not exported:
        return resolve_device(str(device))
    if str(device) == "auto":
        return torch.device("cpu")
    resolved = resolve_device(str(device))
    if resolved.type != "cpu":
        raise ConfigError(f"--device {device}: ONNX Runtime runs on the CPU; use --device cpu")
    return resolved


def run_by(
    backend: str, stored: StoredModel, device: torch.device, folder: Path | None = None
) -> nn.Module:
    """The model of a file as a back end runs it, to be called as any network.

    Args:
        backend: "pytorch", with what training needs folded away; "onnxruntime", which exports the
            network once and keeps the graph in `cache_folder()`; or "auto", the faster of the two
            on `device`, and PyTorch wherever ONNX Runtime cannot be used, which is logged.
        stored: a model with its weights; or of an .onnx file, which is ONNX Runtime's.
        device: where it is to run, from `device_for`.
        folder: where graphs are kept, if not in `cache_folder()`.

    Raises:
        ConfigError: a package is missing.
        CheckpointError: the network cannot be exported.
        PellucidError: the graph cannot be kept.
    """
    model = stored.model
    if isinstance(model, OnnxNetwork):
        return model
    folder = folder or cache_folder()
    if backend == "onnxruntime":
        return _in_onnx_runtime(stored, folder)
    if backend == "pytorch" or not _onnx_runtime_is_faster(model, device):
        return _in_pytorch(model, device)
    try:
        return _in_onnx_runtime(stored, folder)
    except PellucidError as error:
        _log.warning("%s; PyTorch runs %s instead", error, type(model).__name__)
        return _in_pytorch(model, device)


def cache_folder() -> Path:
    """Where exported graphs are kept: pellucid/onnx in $XDG_CACHE_HOME, or in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "pellucid" / "onnx"


def _onnx_runtime_is_faster(model: nn.Module, device: torch.device) -> bool:
    faster = device.type == "cpu" and type(model).__name__ in FASTER_IN_ONNX_RUNTIME
    if faster and not is_installed():
        _tell_missing()
    return faster and is_installed()


@cache
def _tell_missing() -> None:  # once
    _log.info(
        "ONNX Runtime, which is faster here, is not installed, so PyTorch is used: "
        "pip install -r requirements-serve.txt"
    )


def _in_pytorch(model: nn.Module, device: torch.device) -> nn.Module:
    return folded(model).to(memory_format=resolve_memory_format("auto", device, model))


def _in_onnx_runtime(stored: StoredModel, folder: Path) -> OnnxNetwork:
    name = type(stored.model).__name__
    path = folder / f"{name}-{_fingerprint(stored)}.onnx"
    if not _is_usable(path):
        _log.info("%s is exported for ONNX Runtime, once; the graph is kept in %s", name, path)
        export_onnx(stored, path)
    return load_onnx(path, stored.model.eval())


def _is_usable(path: Path) -> bool:
    try:
        load_onnx(path)
    except CheckpointError:  # not there, or torn by something else than us
        return False
    return True


def _fingerprint(stored: StoredModel) -> str:
    """A name for what a network computes: its weights, arguments and code."""
    digest = hashlib.sha256()
    for part in _what_matters(stored):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]


def _what_matters(stored: StoredModel) -> Iterator[bytes]:
    yield torch.__version__.encode()
    if stored.cfg is not None:
        yield json.dumps(as_dict(stored.cfg)).encode()
    root = Path(__file__).resolve().parents[1]
    sources = {path for pattern in _SOURCES for path in root.glob(pattern)}
    sources |= {  # of plug-ins
        Path(file)
        for module in stored.model.modules()
        if not type(module).__module__.startswith("torch")
        and (file := getattr(sys.modules[type(module).__module__], "__file__", None))
    }
    for path in sorted(sources):
        yield path.read_bytes()
    for name, tensor in [*stored.model.named_parameters(), *stored.model.named_buffers()]:
        yield name.encode()
        yield tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
