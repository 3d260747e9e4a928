"""What an exported file says of its network, so that it alone is enough to restore with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from config import Config, as_dict, from_dict
from modeling.descriptor import ClassifierDescriptor, Descriptor
from utils.errors import CheckpointError, ConfigError

_FORMAT = "pellucid onnx 1"
_DESCRIPTORS = {"restore": Descriptor, "classify": ClassifierDescriptor}


@dataclass(frozen=True)
class OnnxMetadata:
    """The facts beside the graph.

    Attributes:
        architecture: the network's name.
        descriptor: of the graph: a network that takes any number of channels is exported for three.
        sees_whole: whether the architecture looks at the whole picture before it restores parts of
            it, which the graph, one function from picture to picture, cannot do.
        bytes_per_pixel: memory that one input pixel takes while the network runs, beside the
            weights; measured in PyTorch.
        cfg: the config of the run that made the weights; None where another program made them.
        metrics: of the weights, as in a weights file.
    """

    architecture: str
    descriptor: Descriptor | ClassifierDescriptor
    sees_whole: bool
    bytes_per_pixel: float
    cfg: Config | None = None
    metrics: dict[str, Any] = field(default_factory=dict)

    def as_properties(self) -> dict[str, str]:
        """As `metadata_props` of an ONNX file."""
        task = next(
            name for name, kind in _DESCRIPTORS.items() if isinstance(self.descriptor, kind)
        )
        values = {
            "architecture": self.architecture,
            "task": task,
            "descriptor": asdict(self.descriptor),
            "sees_whole": self.sees_whole,
            "bytes_per_pixel": self.bytes_per_pixel,
            "config": None if self.cfg is None else as_dict(self.cfg),
            "metrics": self.metrics,
        }
        return {"format": _FORMAT, **{name: json.dumps(value) for name, value in values.items()}}


def read_properties(properties: Mapping[str, str], path: object) -> OnnxMetadata:
    """The facts in the `metadata_props` of the file at `path`.

    Raises:
        CheckpointError: they are not there, or cannot be used.
    """
    if properties.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path}: does not say which network it holds; export one with tools/export_model.py"
        )
    try:
        values = {name: json.loads(text) for name, text in properties.items() if name != "format"}
        facts = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values["descriptor"].items()
        }
        cfg = values["config"]
        return OnnxMetadata(
            values["architecture"],
            _DESCRIPTORS[values["task"]](**facts),
            values["sees_whole"],
            float(values["bytes_per_pixel"]),
            None if cfg is None else from_dict(cfg),
            values["metrics"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise CheckpointError(f"{path}: its metadata cannot be used: {error}") from error
