"""Differences that a network trained to recognise objects sees."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.registries import LOSSES
from utils.errors import CheckpointError, ImageError
from utils.registry import did_you_mean
from utils.state_dicts import read_state_dict
from utils.torchvision_weights import fetch_weights

_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # in each of the five stages
_CRITERIA = {"l1": F.l1_loss, "l2": F.mse_loss}
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


@LOSSES.register
class Perceptual(nn.Module):
    """Mean difference of VGG features (Simonyan and Zisserman 2015) of output and target.

    Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
    2016; `relu5_4` of VGG19 with weight 0.006 is SRGAN's, `conv5_4` with l1 is ESRGAN's.
    `forward(output, target)`: (N, C, H, W) in [0, 1], C 1 or 3 -> scalar. The network is frozen
    and in no state dict; gradients reach the output only.

    Args:
        net: "vgg19" or "vgg16".
        layer: whose features are compared: "relu5_4" or, before its activation, "conv5_4"; stage 5
            of VGG19 has four, that of VGG16 three. Several as a map of weights:
            {relu2_2: 1.0, relu3_4: 0.5}.
        weights: torchvision's ImageNet weights as a .safetensors or .pth file with `features.N.*`
            entries, of any precision; empty takes torchvision's, from its cache or by download.
        criterion: "l1" or "l2", the mean absolute or squared difference.

    Raises:
        ValueError: an unknown net, layer or criterion.
        PellucidError: no weights that fit are at hand.
    """

    def __init__(
        self,
        net: str = "vgg19",
        layer: str | Mapping[str, float] = "relu5_4",
        weights: str = "",
        criterion: str = "l2",
    ) -> None:
        super().__init__()
        for word, known in ((net, _CONVOLUTIONS), (criterion, _CRITERIA)):
            if word not in known:
                raise ValueError(f"there is no {word!r}; {did_you_mean(word, known)}")
        self.layers = {layer: 1.0} if isinstance(layer, str) else dict(layer)
        self.plan = _plan_to_last(net, set(self.layers))
        self.criterion = criterion
        self._keep("mean", torch.tensor(_IMAGENET_MEAN).view(1, 3, 1, 1))
        self._keep("std", torch.tensor(_IMAGENET_STD).view(1, 3, 1, 1))
        self._fill(net, weights)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(target)
        compare = _CRITERIA[self.criterion]
        return sum(
            (
                self.layers[name] * compare(value, wanted[name])
                for name, value in self.features(output).items()
            ),
            start=output.new_zeros(()),
        )

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """The features of each wanted layer, from (N, C, H, W) in [0, 1].

        Raises:
            ImageError: pooling would leave nothing of so small a picture.
        """
        smallest = 2 ** max(stage - 1 for stage, _, _ in self.plan)
        if min(x.shape[-2:]) < smallest:
            raise ImageError(
                f"Perceptual ({', '.join(self.layers)}) needs {smallest}x{smallest} px or more, "
                f"got {x.shape[-1]}x{x.shape[-2]} px"
            )
        x = (x.expand(-1, 3, -1, -1) - self.mean) / self.std
        found = {}
        for stage, number, index in self.plan:
            if number == 1 and stage > 1:
                x = F.max_pool2d(x, 2)
            weight, bias = getattr(self, f"weight{index}"), getattr(self, f"bias{index}")
            found[f"conv{stage}_{number}"] = x = F.conv2d(x, weight, bias, padding=1)
            found[f"relu{stage}_{number}"] = x = F.relu(x)
            found = {name: value for name, value in found.items() if name in self.layers}
        return found

    def _fill(self, net: str, weights: str) -> None:
        """Take the weights of the layers that are needed, and no others."""
        advice = "Give a local copy: LOSSES.<name>.ARGS.weights FILE.safetensors (or .pth)"
        state = read_state_dict(weights) if weights else fetch_weights(net, advice)
        channels = 3
        for stage, _, index in self.plan:
            width = min(64 * 2 ** (stage - 1), 512)
            shapes = {"weight": (width, channels, 3, 3), "bias": (width,)}
            for kind, shape in shapes.items():
                value = state.get(f"features.{index}.{kind}")
                if value is None or value.shape != shape:
                    raise CheckpointError(
                        f"{weights or 'torchvision'}: is not a {net}: features.{index}.{kind} of "
                        f"shape {shape} is not there"
                    )
                self._keep(f"{kind}{index}", value.float())
            channels = width

    def _keep(self, name: str, value: Tensor) -> None:
        """A constant: moved with the loss, never trained, never saved."""
        self.register_buffer(name, value, persistent=False)


def _plan(net: str) -> Iterator[tuple[int, int, int]]:
    """Stage, number in it, and torchvision's index of each convolution, in order."""
    index = 0
    for stage, count in enumerate(_CONVOLUTIONS[net], start=1):
        for number in range(1, count + 1):
            yield stage, number, index
            index += 2  # the convolution and its activation
        index += 1  # the pooling


def _plan_to_last(net: str, layers: set[str]) -> list[tuple[int, int, int]]:
    """The plan up to the last of `layers`.

    Raises:
        ValueError: there are none, or one that the net lacks.
    """
    known = {f"{kind}{s}_{n}": i for s, n, i in _plan(net) for kind in ("conv", "relu")}
    for layer in layers:
        if layer not in known:
            raise ValueError(f"{net} has no layer {layer!r}; {did_you_mean(layer, known)}")
    if not layers:
        raise ValueError("layer is empty; name one, such as relu5_4")
    last = max(known[layer] for layer in layers)
    return [step for step in _plan(net) if step[2] <= last]
