"""What parts from outside must give, checked where they give it: a slip is named, not traced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from utils.errors import ConfigError, DataError


def check_output(architecture: str, output: Any, picture: Tensor, target: Tensor) -> None:
    """A model must give a picture of the target's size and channels.

    Args:
        architecture: its name, for messages.
        output: what it gave.
        picture: NCHW; what it was given.
        target: NCHW; what the output is going to be compared with.

    Raises:
        ConfigError: the output is no tensor.
        DataError: it has another shape than the target.
    """
    if not isinstance(output, Tensor):
        kind = type(output).__name__
        raise ConfigError(
            f"MODEL {architecture}: must give a tensor (N, C, H, W), but gives a {kind}"
        )
    if output.shape != target.shape:
        raise DataError(
            f"MODEL {architecture} gives {_size(output)} from {_size(picture)} but the target is "
            f"{_size(target)}; model and data set differ in scale or channels"
        )


def check_scores(classifier: str, scores: Any, label: Tensor, classes: Sequence[str] = ()) -> None:
    """A classifier must give scores of two classes or more.

    Args:
        classifier: its name, for messages.
        scores: what it gave.
        label: (N), which they belong to.
        classes: what it says its classes are; empty leaves their number open.

    Raises:
        ConfigError: it gave something else.
    """
    shape = tuple(scores.shape) if isinstance(scores, Tensor) else ()
    fits = len(shape) == 2 and shape[0] == len(label)
    if not fits or shape[1] < 2 or (classes and shape[1] != len(classes)):
        wanted = len(classes) or "classes"
        raise ConfigError(
            f"MODEL {classifier}: must give scores ({len(label)}, {wanted}), but gives "
            f"{_kind(scores)}"
        )


def check_losses(architecture: str, output: Tensor, losses: Mapping[str, Any]) -> None:
    """Losses must be scalars.

    Raises:
        ConfigError: naming the one that is not; or there is nothing to learn from, since neither
            has a gradient.
    """
    for name, value in losses.items():
        if not isinstance(value, Tensor) or value.ndim:
            raise ConfigError(f"LOSSES.{name}: must give a scalar tensor, but gives {_kind(value)}")
    if not output.requires_grad:
        raise ConfigError(
            f"MODEL {architecture}: its output has no gradient; it must follow from the parameters "
            "without detach() or no_grad()"
        )
    if not any(value.requires_grad for value in losses.values()):
        raise ConfigError(
            f"{' and '.join(f'LOSSES.{name}' for name in losses)}: has no gradient; a loss must "
            "follow from the output by PyTorch's own operations, without detach() or item()"
        )


def check_total(learner: str, network: str, told: Mapping[str, Any], total: str) -> None:
    """A learner's step must give the loss that goes backward.

    Raises:
        ConfigError: it does not, or what it gives is no scalar with a gradient.
    """
    value = told.get(total)
    if not isinstance(value, Tensor) or value.ndim or not value.requires_grad:
        scalar = isinstance(value, Tensor) and not value.ndim
        given = "has no gradient" if scalar else f"is {_kind(value)}"
        raise ConfigError(
            f"LEARNER {learner}: step(batch, {network!r}) must give {total!r}, a scalar tensor "
            f"with a gradient, but it {given}"
        )


def _kind(value: Any) -> str:
    return (
        f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    )


def _size(image: Tensor) -> str:
    sides: Sequence[int] = image.shape
    if len(sides) != 4:
        return f"shape {tuple(sides)}"
    _, channels, height, width = sides
    return f"{width}x{height} with {channels} channel{'s' if channels > 1 else ''}"
