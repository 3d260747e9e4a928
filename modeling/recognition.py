"""Which of our architectures a checkpoint of another program belongs to."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from modeling.registries import ARCHITECTURES


@runtime_checkable
class Recognises(Protocol):
    """An architecture whose checkpoints tell by their entries alone how it is to be built."""

    @classmethod
    def arguments_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """The constructor's arguments, or None where `state` is not of this architecture."""


def build_for(state: Mapping[str, Tensor]) -> nn.Module | None:
    """The architecture that `state`, a network's parameters by name, belongs to, unloaded.

    None where no architecture recognises its own.
    """
    for name in ARCHITECTURES.names():
        part = ARCHITECTURES.get(name)
        arguments = part.arguments_of(state) if isinstance(part, Recognises) else None
        if arguments is not None:
            return ARCHITECTURES.build(name, **arguments)
    return None
