"""Learned perceptual distance (Zhang et al. 2018), by the lpips package."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.metrics.base import Metric
from engine.registries import METRICS
from utils.errors import ImageError, PellucidError
from utils.registry import did_you_mean
from utils.state_dicts import read_state_dict
from utils.torchvision_compat import import_torchvision
from utils.torchvision_weights import fetch_weights

_TORCHVISION_NAMES = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
_SMALLEST_SIDE = {"alex": 31, "vgg": 16, "squeeze": 17}  # less leaves a pooling layer nothing
_ADVICE = (
    "LPIPS: give a local copy (ARGS.weights FILE; tools/score.py: --lpips-weights FILE), or leave "
    "LPIPS out."
)


@METRICS.register
class LPIPS(Metric):
    """Learned perceptual distance v0.1: 0 for equal pictures, lower is better; RGB, never luma.

    Gray pictures are measured as three equal channels.

    Args:
        net: the backbone: "alex", "vgg" or "squeeze".
        weights: the backbone's ImageNet weights, a torchvision state dict as .safetensors or .pth;
            empty takes torchvision's own, from its cache or by download.
        crop_border: pixels left out along each edge.

    Raises:
        AbsentWeightsError: `weights` is empty, and torchvision's cannot be had.
        PellucidError: the file is missing or of another network.
        ValueError: an unknown net or a negative border.
    """

    higher_is_better = False
    slow = True

    def __init__(self, net: str = "alex", weights: str = "", crop_border: int = 0) -> None:
        super().__init__(crop_border=crop_border)
        if net not in _TORCHVISION_NAMES:
            raise ValueError(f"no net is called {net!r}; {did_you_mean(net, _TORCHVISION_NAMES)}")
        self.net = net
        self.weights = weights
        backbone = _TORCHVISION_NAMES[net]
        state = read_state_dict(weights) if weights else fetch_weights(backbone, _ADVICE)
        self._network = _build_network(net)
        slices = self._network.get_submodule("net")
        _fill_backbone(slices, state, net, weights or "torchvision's download")

    def to(self, device: torch.device | str) -> "LPIPS":
        """Measure and accumulate on `device`."""
        super().to(device)
        self._network.to(device)
        return self

    def protocol(self) -> dict[str, Any]:
        """How the figure is taken."""
        backbone = Path(self.weights).name if self.weights else "torchvision IMAGENET1K_V1"
        return super().protocol() | {
            "channels": "RGB (gray as three equal channels)",
            "net": self.net,
            "version": "0.1",
            "backbone": f"{_TORCHVISION_NAMES[self.net]}, {backbone}",
        }

    def _check(self, output: torch.Tensor, target: torch.Tensor) -> None:
        super()._check(output, target)
        height, width = (side - 2 * self.crop_border for side in output.shape[-2:])
        smallest = _SMALLEST_SIDE[self.net]
        if min(height, width) < smallest:
            raise ImageError(
                f"LPIPS with {self.net} needs {smallest}x{smallest} px or more, "
                f"got {width}x{height} px"
            )

    def _measure(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        device = next(self._network.parameters()).device
        first, second = (
            image.to(device).expand(-1, 3, -1, -1) / 127.5 - 1 for image in (output, target)
        )
        with torch.autocast(device.type, enabled=False):
            return self._network(first, second).flatten().to(output.device)


def _build_network(net: str) -> nn.Module:
    """The lpips package's network with its trained heads and an unfilled backbone."""
    import_torchvision()
    import lpips

    # The backbone is drawn at random before it is filled: not from the run's own random numbers.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", UserWarning)  # torchvision on the package's old spelling
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    return network.eval().requires_grad_(False)


def _fill_backbone(
    backbone: nn.Module, state: Mapping[str, torch.Tensor], net: str, source: str
) -> None:
    """Copy torchvision's `features.N.*` to the slices, whose layers keep the number N."""
    for name, parameter in backbone.named_parameters():
        key = name.partition(".")[2]
        value = state.get(f"features.{key}", state.get(key))
        if value is None or value.shape != parameter.shape:
            problem = "lacks" if value is None else "has another shape for"
            raise PellucidError(
                f"LPIPS weights {source}: not a {_TORCHVISION_NAMES[net]} (net {net}): "
                f"{problem} features.{key}"
            )
        with torch.no_grad():
            parameter.copy_(value)
