"""Other people's networks, by way of the spandrel package."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from modeling.checkpoint_layouts import network_state
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES
from utils.errors import CheckpointError, ConfigError, TrainingError
from utils.state_dicts import is_pickled, read_state_dict, unpickle
from utils.torchvision_compat import import_torchvision

# spandrel does not state how far a network looks. Tiles overlap by this, and equality with the
# whole picture is not promised.
_ASSUMED_FIELD = 64


@ARCHITECTURES.register
class Spandrel(nn.Module):
    """A community checkpoint (ESRGAN, Compact, SwinIR, HAT, DAT, ...) with its own architecture.

    To test, restore and serve with, not to train. The file says which architecture it is and how
    large; see https://github.com/chaiNNer-org/spandrel for those that are known.

    `forward(x)`: (N, C, H, W) in [0, 1] -> (N, C, scale H, scale W) in [0, 1], any H and W.

    Args:
        path: the checkpoint, .pth, .pt, .ckpt or .safetensors.

    Raises:
        ConfigError: the spandrel package is not installed.
        CheckpointError: the file cannot be read, is of no architecture that spandrel knows, or is
            of a network that does not turn one picture into another.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._restore = _load(path)
        self.network = self._restore.model
        self.descriptor = _describe(self._restore)

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and self.training:
            raise TrainingError(
                "MODEL.NAME: Spandrel is to test, restore and serve with; it cannot be trained"
            )
        return self._restore(x)


def _load(path: str) -> Any:
    """What spandrel knows of the network in a file, weights and all."""
    try:
        import_torchvision()  # spandrel's networks use it
        import spandrel
    except ImportError as error:
        raise ConfigError(
            f"{path}: is loaded by a package that is not installed: pip install spandrel"
        ) from error
    state = unpickle(path) if is_pickled(path) else network_state(read_state_dict(path))
    try:
        found = spandrel.MAIN_REGISTRY.load(state)
    except spandrel.UnsupportedModelError as error:
        raise CheckpointError(
            f"{path}: is of no architecture that spandrel {spandrel.__version__} knows; for one of "
            "Pellucid's, use weights with a config (best.safetensors of a run), or name the "
            "architecture in MODEL.NAME and this file in MODEL.WEIGHTS"
        ) from error
    except Exception as error:  # a detected architecture whose entries are missing or odd
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path}: spandrel cannot load it: {reason}") from error
    kind = found.architecture.name
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise CheckpointError(f"{path}: {kind} fills masked regions; it takes more than a picture")
    channels = {found.input_channels, found.output_channels}
    if len(channels) > 1 or not channels <= {1, 3}:
        raise CheckpointError(
            f"{path}: {kind} takes {found.input_channels} and gives {found.output_channels} "
            "channels; 1 (gray) or 3 (RGB) of both are restored"
        )
    return found


def _describe(found: Any) -> Descriptor:
    halves = (("bf16", found.supports_bfloat16), ("fp16", found.supports_half))
    return Descriptor(
        scale=found.scale,
        channels=found.input_channels,
        size_multiple=found.size_requirements.multiple_of,
        receptive_field=_ASSUMED_FIELD,
        global_context=True,
        precisions=("float32", *(name for name, bears in halves if bears)),
        pretrained=True,
    )
