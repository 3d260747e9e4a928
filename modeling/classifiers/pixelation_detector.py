"""Tells pixelated pictures from clean ones."""

import torch
from torch import Tensor, nn

from modeling.descriptor import ClassifierDescriptor
from modeling.registries import CLASSIFIERS
from utils.torchvision_compat import import_torchvision

# Of batch norm's running statistics. Torchvision's 0.01 is for runs of a hundred thousand steps:
# variances of a thousandth forget that they began at 1 only after a thousand steps.
_MOMENTUM = 0.1


@CLASSIFIERS.register
class PixelationDetector(nn.Module):
    """MobileNetV3-Small with a head of two scores; 1,519,906 parameters.

    Howard et al., "Searching for MobileNetV3", ICCV 2019, table 2, from random weights.

    `forward(x)`: (N, 3, H, W) in [0, 1], what a representation makes of pictures, 32 pixels a
    side or more (trained on 224) -> (N, 2), scores before a softmax: clean, pixelated.

    Args:
        dropout: share of features left out before the last layer in training.
    """

    descriptor = ClassifierDescriptor(classes=("clean", "pixelated"))

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        import_torchvision()
        from torchvision.models import mobilenet_v3_small

        classes = len(self.descriptor.classes)
        self.network = mobilenet_v3_small(weights=None, num_classes=classes, dropout=dropout)
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = _MOMENTUM

    def forward(self, x: Tensor) -> Tensor:
        # NHWC halves the time of depthwise convolutions, on the CPU too.
        return self.network(x.contiguous(memory_format=torch.channels_last))
