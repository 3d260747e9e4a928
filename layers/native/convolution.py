"""A trained convolution, with what follows it, as Pellucid's own code computes it on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from layers.convolution import is_plain
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
_FEW = 4  # channels that a network ends with
_GROUP = 16  # channels: as many floats as the widest processor computes at once


def is_native(module: nn.Module) -> bool:
    """Whether a module is a convolution that `NativeConvolution` can stand for.

    From a multiple of 16 channels, either to one by a kernel of 3x3 or 1x1, or to at most 4 by any
    square kernel of odd side; stride 1, not grouped, the size kept by a border of zeros; and
    plain.
    """
    return (
        is_plain(module)
        and _method(module) is not None
        and module.padding == (module.kernel_size[0] // 2,) * 2
        and module.padding_mode == "zeros"
        and module.stride == module.dilation == (1, 1)
        and module.groups == 1
        and module.in_channels % _GROUP == 0
    )


def _method(convolution: nn.Conv2d) -> str | None:
    """Which of the functions in C computes a convolution of this kernel to so many channels."""
    height, width = convolution.kernel_size
    if convolution.out_channels % _GROUP == 0:
        return {(3, 3): "winograd", (1, 1): "pointwise"}.get((height, width))
    narrow = convolution.out_channels <= _FEW and height == width and height % 2 == 1
    return "narrow" if narrow else None


class NativeConvolution(nn.Module):
    """Convolution, pixel shuffle and leaky ReLU at once, for inference on a CPU, in float32.

    One of 3x3 is computed by Winograd's F(4x4, 3x3): a quarter of the multiplications. Values
    differ from PyTorch's by rounding: some 1e-5 of the largest, of other kernels 1e-6.

    `forward(x)`: (N, in, H, W) -> (N, out / shuffle^2, shuffle H, shuffle W), channels last.

    Args:
        convolution: its weights are copied; one for which `is_native` holds.
        slope: of the leaky ReLU that follows: 0 is a ReLU, 1 none.
        shuffle: factor of the pixel shuffle that follows, before or after the ReLU; 1 is none.

    Raises:
        PellucidError: the code cannot be compiled here.
        ValueError: `is_native` does not hold, or, for a pixel shuffle, `can_shuffle`; of forward:
            wrong channels, or something that is not on the CPU, or was converted from float32.
    """

    packed: Tensor
    offsets: Tensor

    def __init__(self, convolution: nn.Conv2d, slope: float = 1.0, shuffle: int = 1) -> None:
        super().__init__()
        method = _method(convolution)
        if method is None or not is_native(convolution):
            raise ValueError(f"{convolution} is no convolution that is computed here")
        if shuffle > 1 and not can_shuffle(convolution, shuffle):
            raise ValueError(f"no pixel shuffle by {shuffle} comes with {convolution}")
        self.channels_in, self.channels_out = convolution.in_channels, convolution.out_channels
        self.slope, self.shuffle = slope, shuffle
        self.kernel, self.method = convolution.kernel_size[0], method
        # Some architectures compute with a convolution's weights rather than call it.
        self.weight, self.bias = convolution.weight, convolution.bias
        self._pack()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a pickle, lay the weights out anew: another processor may have written it."""
        super().__setstate__(state)
        self._pack()

    def _pack(self) -> None:
        weight = self.weight.detach()
        bias = weight.new_zeros(len(weight)) if self.bias is None else self.bias.detach()
        # The channels that become the pixels of one place stay together: (C f f) -> (f f C).
        order = torch.arange(len(weight)).unflatten(0, (-1, self.shuffle**2)).T.flatten()
        self.register_buffer("packed", _packed(weight[order], self.method))
        self.register_buffer("offsets", bias[order].float())

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        x = x.detach().float().contiguous(memory_format=torch.channels_last)
        images, channels, height, width = x.shape
        f, outputs, threads = self.shuffle, self.channels_out, torch.get_num_threads()
        shape = (images, outputs // f**2, height * f, width * f)
        # Of the input's type and device, whatever this process takes by default.
        output = torch.empty(
            shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last
        )
        tensors = [tensor.data_ptr() for tensor in (x, self.packed, self.offsets, output)]
        sizes = [images, height, width, channels, outputs]
        if self.method == "winograd":
            failed = load().winograd(*tensors, *sizes, f, self.slope, threads)
        elif self.method == "pointwise":
            pixels = images * height * width
            failed = load().pointwise(*tensors, pixels, channels, outputs, self.slope, threads)
        else:
            failed = load().narrow(*tensors, *sizes, self.kernel, self.slope, threads)
        if failed:
            raise MemoryError("a convolution found no memory for what it computes with")
        return output

    def _check(self, x: Tensor) -> None:
        """Refuse what the code in C would take for something else: it is given addresses only."""
        if x.shape[1] != self.channels_in:
            raise ValueError(f"{x.shape[1]} channels came in; there must be {self.channels_in}")
        tensors = (x, self.packed, self.offsets)
        on_cpu = all(tensor.device.type == "cpu" for tensor in tensors)
        if not on_cpu or self.packed.dtype != torch.float32 or torch.jit.is_tracing():
            raise ValueError("convolutions in C compute in float32, on a CPU, and are not traced")


def can_shuffle(convolution: nn.Conv2d, shuffle: int) -> bool:
    """Whether `NativeConvolution` can give what it computes pixel-shuffled by this factor."""
    wide = convolution.out_channels % (_GROUP * shuffle**2) == 0
    return wide and _method(convolution) == "winograd"


def _packed(weight: Tensor, method: str) -> Tensor:
    """Weights (out, in, height, width) in the order in which a function in C reads them."""
    if method == "narrow":
        return weight.permute(2, 3, 0, 1).float().flatten()
    if method == "pointwise":
        return _in_groups(weight.permute(2, 3, 1, 0).flatten(0, 1))
    g = torch.tensor(_TO_FREQUENCIES, dtype=torch.float64)
    frequencies = torch.einsum("ur,oirs,vs->uvio", g, weight.double(), g)  # G g G'
    return _in_groups(frequencies.flatten(0, 1))


def _in_groups(matrices: Tensor) -> Tensor:
    """Matrices (count, in, out) as one product after another reads them, see product.h.

    Columns in groups, of each all matrices; the widest groups first, each as wide as still fits.
    """
    lanes, widest = load().lanes(), load().widest()
    groups, left = [], matrices.shape[-1] // lanes
    for vectors in (widest, 2, 1):
        groups += [vectors * lanes] * (left // vectors)
        left %= vectors
    return torch.cat([group.flatten() for group in matrices.float().split(groups, dim=-1)])
