"""One optimizer step of a learner: a batch in parts, each of its networks in turn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.contracts import check_total
from engine.parallel import Replicas, join_moves
from engine.update import Update
from utils.distributed import world_size
from utils.phases import phase

TOTAL = "loss"  # among a learner's named losses the one that gradients are taken of
GRADIENT = "gradient"  # told beside the losses: the global norm of a network's gradients
MODEL = "model"  # among its networks the one that is evaluated, averaged and kept

Batch = dict[str, Any]


class Learner(Protocol):
    """What a registered learner offers.

    Attributes:
        networks: what it trains, in the order of their updates; `MODEL` comes first. It is called
            through this dictionary: while a network learns, what stands there joins its gradients
            with those of other processes. A network that another one learns through must gather
            no gradients itself.
    """

    networks: dict[str, nn.Module]

    def step(self, batch: Batch, network: str) -> Mapping[str, Tensor]:
        """The named losses of `network`, scalars on the device, without waiting for it.

        `TOTAL` has the graph that goes backward; the others are told. What is put into `batch`
        is there for the networks that follow.
        """


@dataclass(frozen=True)
class Taken:
    """What a step found; everything lies on the device.

    Attributes:
        losses: sums over this process's samples, with the norm of the gradients as `GRADIENT`;
            those of other networks than the model by the network's name: `discriminator/loss`.
        skipped: per network, 1 where its gradients were not finite and it stayed as it was.
        samples: how many of this process's samples count.
    """

    losses: dict[str, Tensor]
    skipped: dict[str, Tensor]
    samples: int

    @property
    def any_skipped(self) -> Tensor:
        """1 where any network stayed as it was, else 0."""
        return reduce(torch.maximum, self.skipped.values())


class TrainingStep:
    """Takes optimizer steps; where several processes work as one, each on its share of a batch.

    Args:
        learner: gives the losses.
        updates: how each of the learner's networks learns, in the order of their updates.
        parts: a batch is worked on in so many parts, one after another, for less memory.
        to_device: brings a batch to the device, as the learner wants it.
    """

    def __init__(
        self,
        learner: Learner,
        updates: Mapping[str, Update],
        parts: int,
        to_device: Callable[[Batch], Batch],
    ) -> None:
        self.learner = learner
        self.updates = dict(updates)
        self._parts = parts
        self._last = list(self.updates)[-1]
        self._to_device = to_device
        self._replicas = Replicas(learner.networks)

    def take(self, batch: Batch) -> Taken:
        """Learn from one batch, or this process's share of it.

        Each part's losses weigh as many samples as it has, so that the gradients are those of the
        whole batch. A skipped step leaves buffers (batch norm's running statistics) as they were,
        too. Nothing here waits for the device.

        Args:
            batch: as the loader gives it: with `count` and `total`.
        """
        parts = list(split(batch, min(self._parts, _smallest_share(batch))))
        before = [(buffer, buffer.clone()) for buffer in self._buffers()]
        losses: dict[str, Tensor] = {}
        skipped: dict[str, Tensor] = {}
        for network, update in self.updates.items():
            update.begin()
            for number in range(len(parts)):
                if network == MODEL:
                    parts[number] = self._to_device(parts[number])
                join = number == len(parts) - 1
                _add(losses, self._learn(parts[number], network, join), network)
                if network == self._last:
                    parts[number] = {}  # its pictures go before the next part's come
            norm, skipped[network] = update.finish()
            _add(losses, {GRADIENT: norm * batch["count"]}, network)
        taken = Taken(losses, skipped, batch["count"])
        bad = taken.any_skipped.bool()
        for buffer, old in before:
            buffer.copy_(torch.where(bad, old, buffer))
        join_moves(before, batch["count"] / batch["total"])
        return taken

    def _learn(self, part: Batch, network: str, join: bool) -> dict[str, Tensor]:
        """Add the gradients of one part of the batch; give its losses, summed over its samples."""
        # Joined gradients are means over the processes, and are to be sums.
        share = part["count"] / part["total"] * world_size()
        with self._replicas.learning(network, join):
            with phase("forward"):
                told = self.learner.step(part, network)
            check_total(type(self.learner).__name__, network, told, TOTAL)
            self.updates[network].backward(told[TOTAL] * share)
        return {name: value.detach() * part["count"] for name, value in told.items()}

    def _buffers(self) -> Iterator[Tensor]:
        for update in self.updates.values():
            yield from update.network.buffers()


def split(batch: Batch, parts: int) -> Iterator[Batch]:
    """Split a batch into `parts` whose sizes differ by one at most, or one for each sample.

    Each part's `count` says how many of its samples count; `total` stays the whole step's.
    """
    samples = len(batch["name"])
    parts = min(parts, samples)
    bounds = [math.ceil(samples * number / parts) for number in range(parts + 1)]
    for first, end in itertools.pairwise(bounds):
        part = {
            key: values[first:end] if isinstance(values, Tensor | list) else values
            for key, values in batch.items()
        }
        yield {**part, "count": min(max(batch["count"] - first, 0), end - first)}


def _smallest_share(batch: Batch) -> int:
    """Samples of the process that has the fewest: all take as many parts, one with the other."""
    return max(batch["total"] // world_size(), 1)


def _add(losses: dict[str, Tensor], told: Mapping[str, Tensor], network: str) -> None:
    for name, value in told.items():
        name = name if network == MODEL else f"{network}/{name}"
        losses[name] = losses[name] + value if name in losses else value
