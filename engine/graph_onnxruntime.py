"""Graphs run by ONNX Runtime: the one module that imports it."""

from __future__ import annotations

import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import torch

from engine.interruption import Stopped, stop_unless_wanted

# Its Linux builds keep an identifier of the user's and report how they are used to their maker,
# unless this is set before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

TITLE = "ONNX Runtime"

_PATIENCE = 0.05  # seconds between two questions whether a result is still wanted
_SILENT = 4  # only what is fatal is logged; errors are raised besides


def is_installed() -> bool:
    """Whether ONNX Runtime is there."""
    return importlib.util.find_spec("onnxruntime") is not None


class Graph:
    """A graph in ONNX Runtime; see `engine.onnx_network.Graph`."""

    def __init__(self, path: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = _SILENT
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common class
            raise ValueError(str(error).splitlines()[0]) from error
        self.properties = self._session.get_modelmeta().custom_metadata_map
        self._input = self._session.get_inputs()[0].name

    def run(self, x: np.ndarray) -> np.ndarray:
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
        try:
            (output,) = running.result()
        except Exception as error:  # as above
            if "Failed to allocate memory" not in str(error):
                raise
            raise MemoryError(str(error)) from error
        return output
