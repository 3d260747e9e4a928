"""What an architecture states about itself, for whoever runs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import Tensor

_PRECISIONS = ("float32", "bf16", "fp16")


@dataclass(frozen=True)
class Descriptor:
    """Facts that tiling, restoring, export, serving and tests read instead of guessing.

    Attributes:
        scale: output height and width divided by the input's; 1 keeps the size.
        channels: channels the architecture takes and gives: 1 (gray only), 3 (RGB only), or 0 for
            any number, where each picture is restored with the channels it has.
        size_multiple: the grid, in pixels, on which the network works. The architecture pads and
            crops for itself, so any size is accepted; tiles that start on this grid see the same
            pixels as the whole picture does.
        receptive_field: side, in input pixels, of the square around an output pixel's own place
            that holds all it depends on: twice the farthest reach, from whatever place on the
            grid, and one. It leaves aside what `global_context` covers.
        global_context: whether far pixels matter too (global pooling, attention over the whole
            picture), so that a tile alone cannot give exactly the whole picture's result.
        equal_parts: of an architecture that `SeesWhole`, whether its parts are then those of the
            whole; False where they are only nearer to them.
        precisions: the precisions the architecture bears, of "float32", "bf16" and "fp16".
        pretrained: whether it is built with its weights, so that it is used without a file of ours.
        channels_last: whether a CPU takes its training steps faster with the channels of a pixel
            side by side in memory, as measured; a GPU does so whatever the architecture.
    """

    scale: int = 1
    channels: int = 3
    size_multiple: int = 1
    receptive_field: int = 1
    global_context: bool = False
    equal_parts: bool = True
    precisions: tuple[str, ...] = _PRECISIONS
    pretrained: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        """Refuse facts that cannot be true."""
        if self.scale < 1 or self.size_multiple < 1 or self.receptive_field < 1:
            raise ValueError("scale, size_multiple and receptive_field are at least 1")
        if self.channels not in (0, 1, 3):
            raise ValueError(f"channels is 0 (any), 1 or 3, not {self.channels}")
        unknown = set(self.precisions) - set(_PRECISIONS)
        if unknown or "float32" not in self.precisions:
            raise ValueError(
                f"precisions must hold float32 and come from {_PRECISIONS}, not {self.precisions}"
            )


@dataclass(frozen=True)
class ClassifierDescriptor:
    """Facts about a network that gives labels.

    Attributes:
        classes: what the labels 0, 1, ... mean, in the order of the scores it gives.
        channels: channels of what it takes, as in `Descriptor`.
        precisions: the precisions it bears, as in `Descriptor`.
        scale: 1: what it is given has no target of another size.
        pretrained: False: it needs a weights file.
    """

    scale: ClassVar[int] = 1
    pretrained: ClassVar[bool] = False

    classes: tuple[str, ...]
    channels: int = 3
    precisions: tuple[str, ...] = _PRECISIONS


@runtime_checkable
class SeesWhole(Protocol):
    """An architecture with global context that restores a part of a picture as it does the whole.

    It looks at the whole picture once; with what it has seen, each part comes out as it would in
    `forward`, as far as the part holds the receptive field, or, where the descriptor says that
    parts are not equal, nearer to it. So pictures of any size are restored in tiles.
    """

    def look(self, strips: Iterable[Tensor], size: Sequence[int]) -> Any:
        """What matters of the whole picture, of which one strip is in memory at a time.

        Args:
            strips: its rows from top to bottom, each (N, C, h, W); they may lie on the CPU.
            size: its height and width.
        """

    def restore_part(self, x: Tensor, seen: Any, top: int, left: int) -> Tensor:
        """Restore rows from `top` and columns from `left` on, (N, C, h, w), of that picture."""
