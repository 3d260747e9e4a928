"""Graphs run by OpenVINO: the one module that imports it."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import torch

from engine.interruption import stop_unless_wanted

TITLE = "OpenVINO"

_PATIENCE = 50  # milliseconds between two questions whether a result is still wanted


def is_installed() -> bool:
    """Whether OpenVINO is there."""
    return importlib.util.find_spec("openvino") is not None


@cache
def _core() -> Any:
    """OpenVINO itself: one for the process, so that what it has loaded is never unloaded."""
    import openvino

    return openvino.Core()


class Graph:
    """A graph in OpenVINO; see `engine.onnx_network.Graph`."""

    def __init__(self, path: str) -> None:
        settings = {
            # By itself it takes half precision where a processor has it: two gray levels off.
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            model = _core().read_model(path)
            self._compiled = _core().compile_model(model, "CPU", settings)
            self.properties = dict(model.get_rt_info(["framework"]).value)
        except Exception as error:  # a RuntimeError of many lines, the last of which says most
            raise ValueError(str(error).strip().splitlines()[-1]) from error
        self._last: Any = None
        self._shape: tuple[int, ...] = ()

    def run(self, x: np.ndarray) -> np.ndarray:
        """Stopped amid the graph once nobody waits for it."""
        request = self._request(x.shape)
        request.start_async({0: x}, share_inputs=True)
        try:
            while not request.wait_for(_PATIENCE):
                stop_unless_wanted()
            output = request.get_output_tensor(0).data.copy()
        except RuntimeError as error:
            if "alloc" not in str(error):
                raise
            raise MemoryError(str(error)) from error
        except BaseException:  # nobody waits, or an interrupt
            request.cancel()
            with suppress(RuntimeError):  # which says that it was cancelled
                request.wait()  # until then its threads read the input
            raise
        return output

    def _request(self, shape: tuple[int, ...]) -> Any:
        """The one of the last run where that had this shape: its memory is mapped already.

        Pictures come in all sizes, and the memory of the largest is not kept beyond it.
        """
        if shape != self._shape:
            self._last = None
            self._compiled.release_memory()
            self._last, self._shape = self._compiled.create_infer_request(), shape
        return self._last
