"""An exported network, called as any other, whatever program runs its graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os.path import isfile  # Path's own raises where a folder may not be entered
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engine import graph_onnxruntime, graph_openvino
from engine.onnx_metadata import OnnxMetadata, read_properties
from modeling.descriptor import SeesWhole
from utils.errors import CheckpointError, ConfigError


class Graph(Protocol):
    """A graph that a program has read and runs on the CPU."""

    properties: Mapping[str, str]  # the file's metadata_props

    def __init__(self, path: str) -> None:
        """Read the file; raises a ValueError of one line where it cannot be used."""

    def run(self, x: np.ndarray) -> np.ndarray:
        """The output for an input, both float32 NCHW; raises MemoryError, and Stopped."""


# By what --backend calls them.
RUNTIMES: dict[str, Any] = {"onnxruntime": graph_onnxruntime, "openvino": graph_openvino}


class OnnxNetwork(nn.Module):
    """A network as any other to whoever calls it: float32 tensors on the CPU in and out.

    It has no parameters, since its weights are the graph's, and cannot be trained.

    `forward(x)`: as the architecture's own, any batch, height and width.

    Args:
        graph: what runs it.
        metadata: what the file says of the network.

    Attributes:
        path: the file.
        runtime: what runs it, of `RUNTIMES`.
    """

    path: Path
    runtime: str

    def __init__(self, graph: Graph, metadata: OnnxMetadata) -> None:
        super().__init__()
        self.metadata = metadata
        self.descriptor = metadata.descriptor
        self.architecture = metadata.architecture
        self._graph = graph

    def forward(self, x: Tensor) -> Tensor:
        """Run the graph.

        Raises:
            MemoryError: there is not enough.
        """
        pixels = x.shape[0] * x.shape[-2] * x.shape[-1]
        # A graph's memory is not PyTorch's to count. What it takes is counted by a tensor that is
        # never touched, and so takes none itself.
        counted = torch.empty(int(pixels * self.metadata.bytes_per_pixel), dtype=torch.uint8)
        output = self._graph.run(x.detach().contiguous().numpy())
        del counted
        return torch.from_numpy(output)


class WholeOnnxNetwork(OnnxNetwork):
    """Of an architecture that looks at the whole picture before it restores parts of it.

    The graph restores whole pictures. Tiles are restored by the PyTorch network, where there is
    one: without the look each tile would be seen as a picture of its own.

    Args:
        graph: as of `OnnxNetwork`.
        metadata: likewise.
        parts: the same network in PyTorch.
    """

    def __init__(
        self, graph: Graph, metadata: OnnxMetadata, parts: nn.Module | None = None
    ) -> None:
        super().__init__(graph, metadata)
        self.parts = parts

    def look(self, strips: Iterable[Tensor], size: Sequence[int]) -> Any:
        """What matters of the whole picture, as of `modeling.descriptor.SeesWhole`."""
        return self._in_pytorch().look(strips, size)

    def restore_part(self, x: Tensor, seen: Any, top: int, left: int) -> Tensor:
        """Restore a part of that picture, likewise."""
        return self._in_pytorch().restore_part(x, seen, top, left)

    def _in_pytorch(self) -> SeesWhole:
        if self.parts is None:
            raise ConfigError(
                f"{self.architecture} looks at the whole picture before it restores tiles of it, "
                "which an .onnx file cannot hold; leave tiles out, or give the .safetensors "
                "weights that it was exported from"
            )
        return self.parts


def load_onnx(
    path: str | Path, parts: nn.Module | None = None, runtime: str = "onnxruntime"
) -> OnnxNetwork:
    """The network of a file that `engine.export` wrote.

    As many threads as PyTorch has work on it.

    Args:
        path: the file.
        parts: the same network in PyTorch, where there is one, for what a graph cannot do.
        runtime: what runs it, of `RUNTIMES`.

    Raises:
        CheckpointError: naming the file, where it is missing, torn, or no such file.
        ConfigError: the program is not installed.
    """
    if not isfile(path):
        raise CheckpointError(f"{path}: there is no such weights file")
    program = RUNTIMES[runtime]
    if not program.is_installed():
        raise ConfigError(
            f"{path}: is run by {program.TITLE}, which is not installed: "
            "pip install -r requirements-serve.txt"
        )
    try:
        graph = program.Graph(str(path))
    except ValueError as error:
        raise CheckpointError(f"{path}: is no whole ONNX file: {error}") from error
    metadata = read_properties(graph.properties, path)
    network = (
        WholeOnnxNetwork(graph, metadata, parts)
        if metadata.sees_whole
        else OnnxNetwork(graph, metadata)
    )
    network.path, network.runtime = Path(path), runtime
    return network
