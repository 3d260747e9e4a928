"""An exported network, run by ONNX Runtime: the one module that imports it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.interruption import Stopped, stop_unless_wanted
from engine.onnx_metadata import OnnxMetadata, read_properties
from modeling.descriptor import SeesWhole
from utils.errors import CheckpointError, ConfigError

# Its Linux builds keep an identifier of the user's and report how they are used to their maker,
# unless this is set before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_PATIENCE = 0.05  # seconds between two questions whether a result is still wanted
_SILENT = 4  # only what is fatal is logged; errors are raised besides


def is_installed() -> bool:
    """Whether ONNX Runtime is there."""
    return importlib.util.find_spec("onnxruntime") is not None


class OnnxNetwork(nn.Module):
    """A network as any other to whoever calls it: float32 tensors on the CPU in and out.

    It has no parameters, since its weights are ONNX Runtime's, and cannot be trained.

    `forward(x)`: as the architecture's own, any batch, height and width.

    Args:
        session: an `onnxruntime.InferenceSession`.
        metadata: what the file says of the network.
    """

    def __init__(self, session: Any, metadata: OnnxMetadata) -> None:
        super().__init__()
        self.metadata = metadata
        self.descriptor = metadata.descriptor
        self.architecture = metadata.architecture
        self._session = session
        self._input = session.get_inputs()[0].name

    def forward(self, x: Tensor) -> Tensor:
        """Run the graph.

        Raises:
            MemoryError: there is not enough.
        """
        pixels = x.shape[0] * x.shape[-2] * x.shape[-1]
        # ONNX Runtime's memory is not PyTorch's to count. What it takes is counted by a tensor
        # that is never touched, and so takes none itself.
        counted = torch.empty(int(pixels * self.metadata.bytes_per_pixel), dtype=torch.uint8)
        try:
            output = self._run(x.detach().contiguous().numpy())
        except Stopped:
            raise
        except Exception as error:  # its errors have no common class
            if "Failed to allocate memory" not in str(error):
                raise
            raise MemoryError(str(error)) from error
        del counted
        return torch.from_numpy(output)

    def _run(self, x: np.ndarray) -> np.ndarray:
        """In a thread beside, which ends between two operations once nobody waits for it."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        # Pictures come in all sizes: the memory of the largest would be kept otherwise.
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        with ThreadPoolExecutor(1) as beside:
            running = beside.submit(self._session.run, None, {self._input: x}, options)
            while wait([running], _PATIENCE).not_done:
                try:
                    stop_unless_wanted()
                except Stopped:
                    options.terminate = True
                    raise
        (output,) = running.result()
        return output


class WholeOnnxNetwork(OnnxNetwork):
    """Of an architecture that looks at the whole picture before it restores parts of it.

    The graph restores whole pictures. Tiles are restored by the PyTorch network, where there is
    one: without the look each tile would be seen as a picture of its own.

    Args:
        session: as of `OnnxNetwork`.
        metadata: likewise.
        parts: the same network in PyTorch.
    """

    def __init__(
        self, session: Any, metadata: OnnxMetadata, parts: nn.Module | None = None
    ) -> None:
        super().__init__(session, metadata)
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


def load_onnx(path: str | Path, parts: nn.Module | None = None) -> OnnxNetwork:
    """The network of a file that `engine.export` wrote.

    As many threads as PyTorch has work on it.

    Args:
        path: the file.
        parts: the same network in PyTorch, where there is one, for what a graph cannot do.

    Raises:
        CheckpointError: naming the file, where it is missing, torn, or no such file.
        ConfigError: ONNX Runtime is not installed.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: there is no such weights file")
    if not is_installed():
        raise ConfigError(
            f"{path}: is run by ONNX Runtime, which is not installed: "
            "pip install -r requirements-serve.txt"
        )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = _SILENT
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common class
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: is no whole ONNX file: {reason}") from error
    metadata = read_properties(session.get_modelmeta().custom_metadata_map, path)
    if metadata.sees_whole:
        return WholeOnnxNetwork(session, metadata, parts)
    return OnnxNetwork(session, metadata)
