"""Networks that several processes train as one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from utils.distributed import sum_over_ranks, world_size
from utils.errors import ConfigError

# Buffers are joined once a step, by `join_moves`. Overwritten before each forward pass, as is
# PyTorch's default, they would change under a network that is called twice before its backward
# pass, and would be those of the main process's samples alone. PyTorch 2.13 renamed the option.
_DDP_OPTIONS = inspect.signature(DistributedDataParallel).parameters
_BUFFERS = "forward_sync_buffers" if "forward_sync_buffers" in _DDP_OPTIONS else "broadcast_buffers"


class Replicas:
    """A learner's networks, of which each process holds a copy.

    Args:
        networks: the learner's own dictionary: while a network learns, what stands for it there
            takes the mean of its gradients over all processes, as they come.
    """

    def __init__(self, networks: dict[str, nn.Module]) -> None:
        self._networks = networks
        self._plain = dict(networks)
        self._joining = {name: _joining(network) for name, network in networks.items()}

    @contextmanager
    def learning(self, name: str, join: bool) -> Iterator[None]:
        """A block for one forward and backward pass that `name` learns from.

        Args:
            name: of the network.
            join: whether its gradients, with those of the passes before, are joined in this one.
        """
        joining = self._joining[name]
        self._networks[name] = joining
        held = not join and isinstance(joining, DistributedDataParallel)
        try:
            with joining.no_sync() if held else nullcontext():
                yield
        finally:
            self._networks[name] = self._plain[name]


def _joining(network: nn.Module) -> nn.Module:
    if world_size() == 1:
        return network
    return DistributedDataParallel(network, gradient_as_bucket_view=True, **{_BUFFERS: False})


@torch.no_grad()
def join_moves(before: Sequence[tuple[Tensor, Tensor]], share: float) -> None:
    """Make buffers equal in all processes after a step that each took on its own samples.

    Each moves by the mean of what it moved everywhere. So batch norm's running statistics are of
    all samples, and a buffer that stands still keeps its bits.

    Args:
        before: each buffer, and what it was before the step; only floating-point ones are joined.
        share: this process's part of the step's samples, 0 to 1; of all processes it sums to 1.
    """
    floating = [(now, old) for now, old in before if now.is_floating_point()]
    if world_size() == 1 or not floating:
        return
    # Where nothing moved the difference is 0, even of two infinities.
    moves = [torch.where(now == old, 0.0, (now - old) * share).flatten() for now, old in floating]
    joined = sum_over_ranks(torch.cat(moves)).split([len(move) for move in moves])
    for (now, old), move in zip(floating, joined, strict=True):
        now.copy_(old + move.view_as(old))


def share_batch_norm(networks: Mapping[str, nn.Module], device: torch.device) -> None:
    """Let batch norm take its statistics over the samples of all processes; weights stay.

    Raises:
        ConfigError: not on CUDA, for which alone PyTorch has this.
    """
    if device.type != "cuda":
        raise ConfigError(
            f"SOLVER.SYNC_BATCHNORM: PyTorch has it on CUDA only, not on {device.type}; leave it "
            "out, or train on GPUs"
        )
    for network in networks.values():
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
