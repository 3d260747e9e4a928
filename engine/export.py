"""From weights to an ONNX file that other programs run, and Pellucid too."""

from __future__ import annotations

import builtins
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental import _config as shape_config

from engine.memory import peak_bytes
from engine.model_files import StoredModel
from engine.onnx_metadata import OnnxMetadata
from engine.onnx_network import OnnxNetwork, load_onnx
from modeling.descriptor import Descriptor, SeesWhole
from modeling.folding import folded
from utils.errors import CheckpointError, ConfigError
from utils.files import atomic_path

TOLERANCE = 1e-4  # of values in [0, 1]; of a classifier's scores likewise
_OPSET = 18  # the first whose Resize has antialiasing
_NEEDED = ("onnx", "onnxscript", "onnxruntime")
_EXAMPLE = (2, 37, 54)  # batch, height and width that the graph is traced with
# Batch, height and width on which the graph must agree: odd, small, upright and oblong.
_CHECKED = ((1, 37, 53), (2, 48, 64), (1, 131, 67), (2, 33, 90))
_CLASSIFIED = ((1, 224, 224), (2, 97, 131), (1, 65, 64))
_PROBE = 256  # side of the picture on which memory is measured


@dataclass(frozen=True)
class Exported:
    """An ONNX file that was written.

    Attributes:
        path: the file.
        architecture: the network that it holds.
        difference: the largest from PyTorch of all values at all sizes that were tried.
        sizes: those, as (batch, height, width).
    """

    path: Path
    architecture: str
    difference: float
    sizes: tuple[tuple[int, int, int], ...]


def export_onnx(stored: StoredModel, path: str | Path) -> Exported:
    """Write a network as ONNX, of any batch, height and width, and compare it with PyTorch.

    The file's metadata hold what a weights file's do, and the descriptor: `Restorer` and `Detector`
    take it in place of weights. Input and output are called `input` and `output`: float32, NCHW.

    Args:
        stored: the model and what its file says of it.
        path: the file; one that exists is replaced, but only by one that agrees.

    Raises:
        ConfigError: a package that exporting takes is not installed.
        CheckpointError: the network cannot be exported, or the graph differs from it by more than
            `TOLERANCE`; nothing is written then.
        PellucidError: the file system refuses.
    """
    _require_packages()
    if isinstance(stored.model, OnnxNetwork):
        raise ConfigError("an .onnx file is exported already; give the weights that it was made of")
    model = folded(stored.model)
    name = type(stored.model).__name__
    channels = model.descriptor.channels or 3
    restores = isinstance(model.descriptor, Descriptor)
    with atomic_path(path) as temporary:
        program = _program(model, torch.rand(_EXAMPLE[0], channels, *_EXAMPLE[1:]), name)
        program.model.metadata_props.update(_metadata(stored, model, channels).as_properties())
        program.save(temporary, external_data=False)
        sizes = _CHECKED if restores else _CLASSIFIED
        difference = _checked(stored.model, load_onnx(temporary), sizes, name)
    return Exported(Path(path), name, difference, sizes)


def _require_packages() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"exporting needs {' and '.join(missing)}: pip install -r requirements-serve.txt"
        )


def _program(model: nn.Module, example: Tensor, name: str) -> Any:
    """The traced network as a `torch.onnx.ONNXProgram`."""
    from onnxscript import INT64, opset18

    def nearest(number: Any, _digits: None = None) -> Any:
        return opset18.Cast(opset18.Round(number), to=INT64.dtype)

    any_size = torch.export.Dim.DYNAMIC
    # As PyTorch advises: an example's size must not be taken for a special case.
    with shape_config.patch(backed_size_oblivious=True), _quiet():
        try:
            return torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: any_size, 2: any_size, 3: any_size},),
                input_names=["input"],
                output_names=["output"],
                opset_version=_OPSET,
                # Python's round of a size, half to even, has no translation of PyTorch's.
                custom_translation_table={builtins.round: nearest},
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise CheckpointError(f"{name} cannot be exported: {reason}") from error


def _metadata(stored: StoredModel, model: nn.Module, channels: int) -> OnnxMetadata:
    probe = torch.zeros(1, channels, _PROBE, _PROBE)
    with torch.inference_mode():
        peak = peak_bytes(lambda: model(probe), torch.device("cpu"))
    return OnnxMetadata(
        type(stored.model).__name__,
        replace(model.descriptor, channels=channels, precisions=("float32",)),
        isinstance(stored.model, SeesWhole),
        peak / _PROBE**2,
        stored.cfg,
        stored.metrics,
    )


def _checked(
    model: nn.Module, graph: nn.Module, sizes: tuple[tuple[int, int, int], ...], name: str
) -> float:
    """The largest difference of a graph from its network, which must not be above the tolerance."""
    random = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch, height, width in sizes:
        pictures = torch.rand(batch, graph.descriptor.channels, height, width, generator=random)
        with torch.inference_mode():
            difference = float((model(pictures) - graph(pictures)).abs().max())
        if not difference <= TOLERANCE:  # which is true of NaN too
            raise CheckpointError(
                f"{name}: the exported graph differs from PyTorch by {difference:.1e} at "
                f"{width}x{height}, batch {batch}, where {TOLERANCE:.0e} is allowed; not kept"
            )
        worst = max(worst, difference)
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter says about itself."""
    loggers = [logging.getLogger(name) for name in ("onnxscript", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
