"""Normalisation over the channels of feature maps."""

from torch import Tensor, nn

from layers.memory_format import from_pixels, to_pixels


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation of each pixel over its channels: (N, C, H, W) -> the same shape.

    Ba et al., "Layer Normalization", 2016, with a weight and a bias for each channel. PyTorch's own
    kernel does it, which copies nothing where features are laid out channels last: a network that
    uses it should lay its features out so.

    Args:
        channels: C.
        eps: added to the variance.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__(channels, eps)

    def forward(self, x: Tensor) -> Tensor:
        return from_pixels(super().forward(to_pixels(x)))
