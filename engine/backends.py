"""Which program computes a network: PyTorch, or what is faster on a CPU."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import nn

from config import as_dict
from engine.export import TOLERANCE, export_onnx
from engine.model_files import StoredModel, is_onnx
from engine.onnx_network import RUNTIMES, OnnxNetwork, load_onnx
from engine.precision import resolve_device
from engine.speed import resolve_memory_format
from layers.native import library as native
from modeling.folding import folded
from modeling.native import with_native_convolutions
from utils.errors import CheckpointError, ConfigError, PellucidError
from utils.files import cache_folder
from utils.logging import get_logger
from utils.registry import did_you_mean

_log = get_logger(__name__)

BACKENDS = ("auto", "native", "pytorch", *RUNTIMES)

# On a CPU "native" is the fastest for every architecture (docs/export.md: figures and their
# command). Where it cannot be had: what is clearly faster than PyTorch, the fastest first.
FASTER_ON_CPU: dict[str, tuple[str, ...]] = {
    "EDSR": ("openvino",),
    "MIRNet": ("openvino",),
    "MobileSR": ("openvino",),
    "MouthNet": ("openvino", "onnxruntime"),
}
_PROBED = (48, 40)  # height and width of what results are compared by
_INSTALL = "pip install -r requirements-serve.txt"
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
    if backend in ("native", "pytorch") and exported:
        raise ConfigError(
            f"--backend {backend}: {path} is run by ONNX Runtime or OpenVINO; give the weights "
            "that it was exported from"
        )
    if backend in ("auto", "pytorch") and not exported:
        return resolve_device(str(device))
    if str(device) == "auto":
        return torch.device("cpu")
    resolved = resolve_device(str(device))
    if resolved.type != "cpu":
        what = "an exported network" if exported else f"--backend {backend}"
        raise ConfigError(f"--device {device}: {what} computes on the CPU; use --device cpu")
    return resolved


def run_by(
    backend: str, stored: StoredModel, device: torch.device, folder: Path | None = None
) -> nn.Module:
    """The model of a file as a back end runs it, to be called as any network.

    Args:
        backend: "pytorch", with what training needs folded away; "native", the same with
            convolutions of Pellucid's own, compiled once; "onnxruntime" or "openvino", for which
            the network is exported once; or "auto", the fastest of them on `device` that is
            there, and PyTorch wherever the others cannot be used, which is logged. What is
            compiled or exported is kept in the cache folder.
        stored: a model with its weights; or of an .onnx file.
        device: where it is to run, from `device_for`.
        folder: where graphs are kept, if not in the cache folder.

    Raises:
        ConfigError: a package is missing.
        CheckpointError: the network cannot be exported.
        PellucidError: nothing can be compiled here, or the graph cannot be kept.
    """
    model = stored.model
    if isinstance(model, OnnxNetwork):
        runtime = model.runtime
        if backend in RUNTIMES:
            runtime = backend
        elif faster := _faster_than_pytorch(model.architecture, device):
            runtime = faster
        return model if runtime == model.runtime else load_onnx(model.path, runtime=runtime)
    if backend in RUNTIMES:
        return _exported(stored, folder, backend)
    if backend == "native":
        return _natively(model)
    if backend == "pytorch" or device.type != "cpu":
        return _in_pytorch(model, device)
    try:
        if native.is_available():
            return _natively(model)
        if faster := _faster_than_pytorch(type(model).__name__, device):
            return _exported(stored, folder, faster)
    except PellucidError as error:
        _log.warning("%s; PyTorch runs %s instead", error, type(model).__name__)
    return _in_pytorch(model, device)


def _faster_than_pytorch(architecture: str, device: torch.device) -> str | None:
    """The fastest back end for this architecture, if it is not PyTorch."""
    if device.type != "cpu":
        return None
    known = FASTER_ON_CPU.get(architecture, ())
    installed = [name for name in known if RUNTIMES[name].is_installed()]
    if known and installed[:1] != [known[0]]:
        _tell_missing(RUNTIMES[known[0]].TITLE)
    return installed[0] if installed else None


@cache
def _tell_missing(title: str) -> None:  # once
    _log.info("%s, which is fastest here, is not installed: %s", title, _INSTALL)


def _in_pytorch(model: nn.Module, device: torch.device) -> nn.Module:
    faster = folded(model)
    if not (difference := _difference(model, faster)) <= TOLERANCE:
        name = type(model).__name__
        _log.warning("%s: folding changes its result by %.1e; it is left whole", name, difference)
        faster = model
    return faster.to(memory_format=resolve_memory_format("auto", device, model))


def _natively(model: nn.Module) -> nn.Module:
    faster = with_native_convolutions(folded(model).to(memory_format=torch.channels_last))
    if not (difference := _difference(model, faster)) <= TOLERANCE:
        raise PellucidError(
            f"{type(model).__name__}: convolutions of Pellucid's own change its result by "
            f"{difference:.1e}, where {TOLERANCE:.0e} is allowed"
        )
    return faster


def _difference(model: nn.Module, faster: nn.Module) -> float:
    """How far results are apart: a network may look between steps that have become one. Or NaN."""
    channels = model.descriptor.channels or 3
    picture = torch.rand(1, channels, *_PROBED, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return float((model(picture) - faster(picture)).abs().max())


def _exported(stored: StoredModel, folder: Path | None, runtime: str) -> OnnxNetwork:
    name = type(stored.model).__name__
    path = (folder or cache_folder("onnx")) / f"{name}-{_fingerprint(stored)}.onnx"
    if not _is_usable(path, runtime):
        _log.info("%s is exported, once; the graph is kept in %s", name, path)
        export_onnx(stored, path)
    return load_onnx(path, stored.model.eval(), runtime)


def _is_usable(path: Path, runtime: str) -> bool:
    try:
        load_onnx(path, runtime=runtime)
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
