"""The state of a run, as `last.pt` holds it: taken from its parts, and given back to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import nn

import config
from config import Config
from engine.checkpoint import load_into
from engine.generators import generator_states, restore_generators
from utils.distributed import gather, rank
from utils.errors import CheckpointError


class Stateful(Protocol):
    """What has a state of its own between two steps."""

    def state_dict(self) -> Any:
        """Tensors and plain Python."""

    def load_state_dict(self, state: Any) -> None:
        """Go on from where `state` was taken."""


def take_state(
    cfg: Config, networks: Mapping[str, nn.Module], parts: Mapping[str, Stateful]
) -> dict[str, Any]:
    """Everything needed to go on from this very step; all processes call it together.

    Args:
        cfg: of the run.
        networks: the learner's, by name.
        parts: whatever else has a state, by its name in the checkpoint.
    """
    return {
        **{name: part.state_dict() for name, part in parts.items()},
        "config": config.as_dict(cfg),
        "networks": {name: network.state_dict() for name, network in networks.items()},
        "generators": gather(generator_states()),
    }


def give_back(
    state: Mapping[str, Any],
    networks: Mapping[str, nn.Module],
    parts: Mapping[str, Stateful],
    checkpoint: Path,
) -> None:
    """Put a run where `state` was taken.

    Args:
        state: what `take_state` gave, maybe to another number of processes.
        networks: as there.
        parts: as there.
        checkpoint: where it was read, for messages.

    Raises:
        CheckpointError: it lacks something, or does not fit.
    """
    try:
        for name, network in networks.items():
            load_into(network, state["networks"][name], checkpoint)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        if rank() < len(state["generators"]):  # there may be more processes than there were
            restore_generators(state["generators"][rank()])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{checkpoint}: cannot be gone on from: {error!r}") from error
