"""A trained convolution, with what follows it, as Pellucid's own code computes it on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from layers.native.library import load

# Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, equation 12: G.
_TO_FREQUENCIES = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_GROUP = 16  # channels: as many floats as the widest processor computes at once


def is_native(module: nn.Module) -> bool:
    """Whether a module is a convolution that `NativeConvolution` can stand for.

    3x3 with a border of zeros, or 1x1; stride 1, not grouped, from and to multiples of 16 channels;
    and nothing but its own weights decides what it computes.
    """
    return (
        type(module) is nn.Conv2d
        and not module._forward_pre_hooks  # weight normalisation is one
        and (module.kernel_size, module.padding) in (((3, 3), (1, 1)), ((1, 1), (0, 0)))
        and module.padding_mode == "zeros"
        and module.stride == module.dilation == (1, 1)
        and module.groups == 1
        and module.in_channels % _GROUP == 0
        and module.out_channels % _GROUP == 0
    )


class NativeConvolution(nn.Module):
    """Convolution, pixel shuffle and leaky ReLU at once, for inference on a CPU, in float32.

    A 3x3 convolution is computed by Winograd's F(4x4, 3x3): a quarter of the multiplications.
    Values differ from PyTorch's by rounding: some 1e-6 of the largest.

    `forward(x)`: (N, in, H, W) -> (N, out / shuffle^2, shuffle H, shuffle W), channels last.

    Args:
        convolution: its weights are copied; one for which `is_native` holds.
        slope: of the leaky ReLU that follows: 0 is a ReLU, 1 none.
        shuffle: factor of the pixel shuffle that follows, before or after the ReLU; 1 is none.

    Raises:
        PellucidError: the code cannot be compiled here.
        ValueError: a pixel shuffle for which `can_shuffle` does not hold.
    """

    def __init__(self, convolution: nn.Conv2d, slope: float = 1.0, shuffle: int = 1) -> None:
        super().__init__()
        if shuffle > 1 and not can_shuffle(convolution, shuffle):
            raise ValueError(f"no pixel shuffle by {shuffle} comes with {convolution}")
        self.channels_in, self.channels_out = convolution.in_channels, convolution.out_channels
        self.slope, self.shuffle = slope, shuffle
        self.winograd = convolution.kernel_size == (3, 3)
        weight = convolution.weight.detach()
        bias = weight.new_zeros(len(weight)) if convolution.bias is None else convolution.bias
        # The channels that become the pixels of one place stay together: (C f f) -> (f f C).
        order = torch.arange(len(weight)).unflatten(0, (-1, shuffle**2)).T.flatten()
        matrices = (
            _frequencies(weight[order]) if self.winograd else weight[order].permute(2, 3, 1, 0)
        )
        self.register_buffer("packed", _packed(matrices.flatten(0, 1)))
        self.register_buffer("offsets", bias.detach()[order].float())
        # Some architectures compute with a convolution's weights rather than call it.
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, x: Tensor) -> Tensor:
        x = x.detach().float().contiguous(memory_format=torch.channels_last)
        images, channels, height, width = x.shape
        if channels != self.channels_in:
            raise ValueError(f"{channels} channels came in; there must be {self.channels_in}")
        output = torch.empty(
            (
                images,
                self.channels_out // self.shuffle**2,
                height * self.shuffle,
                width * self.shuffle,
            ),
            memory_format=torch.channels_last,
        )
        tensors = [tensor.data_ptr() for tensor in (x, self.packed, self.offsets, output)]
        if self.winograd:
            sizes = [images, height, width, channels, self.channels_out, self.shuffle]
            failed = load().winograd(*tensors, *sizes, self.slope, torch.get_num_threads())
        else:
            sizes = [images * height * width, channels, self.channels_out]
            failed = load().pointwise(*tensors, *sizes, self.slope, torch.get_num_threads())
        if failed:
            raise MemoryError("a convolution found no memory for what it computes with")
        return output


def can_shuffle(convolution: nn.Conv2d, shuffle: int) -> bool:
    """Whether `NativeConvolution` can give what it computes pixel-shuffled by this factor."""
    threes = convolution.kernel_size == (3, 3)
    return threes and convolution.out_channels % (_GROUP * shuffle**2) == 0


def _frequencies(weight: Tensor) -> Tensor:
    """G g G' of kernels (out, in, 3, 3), as (6, 6, in, out)."""
    g = torch.tensor(_TO_FREQUENCIES, dtype=torch.float64)
    return torch.einsum("ur,oirs,vs->uvio", g, weight.double(), g)


def _packed(matrices: Tensor) -> Tensor:
    """Matrices (count, in, out) as one product after another reads them, see product.h.

    Columns in groups, of each all matrices; the widest groups first, each as wide as still fits.
    """
    lanes, widest = load().lanes(), load().widest()
    groups, left = [], matrices.shape[-1] // lanes
    for vectors in (widest, 2, 1):
        groups += [vectors * lanes] * (left // vectors)
        left %= vectors
    return torch.cat([group.flatten() for group in matrices.float().split(groups, dim=-1)])
