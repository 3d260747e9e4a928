"""A trained network with Pellucid's own convolutions, for restoring on a CPU."""

from __future__ import annotations

from torch import nn

from layers.native.convolution import NativeConvolution, can_shuffle, is_native


def with_native_convolutions(model: nn.Module) -> nn.Module:
    """The same network in which `NativeConvolution` computes what it can.

    Pixel shuffles and leaky ReLUs that follow a convolution in a sequence become part of it.

    Args:
        model: in eval(), without training's parts (`modeling.folding.folded`); it is changed.

    Raises:
        PellucidError: the code cannot be compiled here.
    """
    for module in list(model.modules()):
        if isinstance(module, nn.Sequential):
            _replace_in_sequence(module)
        else:
            for name, child in list(module.named_children()):
                if is_native(child):
                    setattr(module, name, NativeConvolution(child))
    return model


def _replace_in_sequence(sequence: nn.Sequential) -> None:
    steps = [place for place, step in enumerate(sequence) if not isinstance(step, nn.Identity)]
    while steps:
        place = steps.pop(0)
        if is_native(sequence[place]):
            sequence[place] = _with_what_follows(sequence, place, steps)


def _with_what_follows(sequence: nn.Sequential, place: int, steps: list[int]) -> nn.Module:
    """The convolution at `place` with what it can take on of `steps`, which leaves both."""
    convolution, slope, shuffle = sequence[place], 1.0, 1
    while steps:
        after = sequence[steps[0]]
        if slope == 1 and isinstance(after, nn.ReLU | nn.LeakyReLU):
            slope = getattr(after, "negative_slope", 0.0)
        elif shuffle == 1 and _is_shuffle_of(convolution, after):
            shuffle = after.upscale_factor
        else:
            break
        sequence[steps.pop(0)] = nn.Identity()
    return NativeConvolution(convolution, slope, shuffle)


def _is_shuffle_of(convolution: nn.Conv2d, after: nn.Module) -> bool:
    return isinstance(after, nn.PixelShuffle) and can_shuffle(convolution, after.upscale_factor)
