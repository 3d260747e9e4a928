"""How a training step is computed: memory format, compilation, recomputation. Results stay."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from config import Config
from layers.recompute import Recomputable
from utils.distributed import world_size
from utils.errors import ConfigError

_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def resolve_memory_format(name: str, device: torch.device, model: nn.Module) -> torch.memory_format:
    """The memory format that SPEED.MEMORY_FORMAT names, of pictures, weights and features.

    Args:
        name: "contiguous" (N, C, H, W), "channels_last", where the channels of a pixel are side by
            side, or "auto": the one that wins on `device`.
        device: where networks learn.
        model: says by its descriptor which one wins on a CPU; classifiers say nothing.
    """
    if name == "auto":
        wins = device.type == "cuda" or getattr(model.descriptor, "channels_last", False)
        name = "channels_last" if wins else "contiguous"
    return _FORMATS[name]


def check_speed(cfg: Config, device: torch.device) -> None:
    """Refuse what cannot be, before anything is computed.

    Raises:
        ConfigError: CUDA graphs where there are none, or compilation where PyTorch finds no
            compiler for the device.
    """
    speed = cfg.SPEED
    if speed.CUDA_GRAPHS and not speed.COMPILE:
        raise ConfigError("SPEED.CUDA_GRAPHS: comes with SPEED.COMPILE only; set that to true too")
    if speed.CUDA_GRAPHS and device.type != "cuda":
        raise ConfigError(f"SPEED.CUDA_GRAPHS: there are none on {device.type}; leave it out")
    if speed.CUDA_GRAPHS and world_size() > 1:
        raise ConfigError("SPEED.CUDA_GRAPHS: is for one process; leave it out with several")
    if speed.COMPILE:
        _require_compiler(device)


def compiled(cfg: Config, network: nn.Module) -> nn.Module:
    """`network` as SPEED wants it called: itself, or what compiles it when first called.

    Whichever it is, it has the parameters of `network`, which stays as it was.
    """
    if not cfg.SPEED.COMPILE:
        return network
    if not cfg.SPEED.CUDA_GRAPHS:
        return torch.compile(network)
    graphed = torch.compile(network, mode="reduce-overhead")
    graphed.register_forward_hook(_own_copy)
    return graphed


def recompute(cfg: Config, networks: Mapping[str, nn.Module]) -> None:
    """Let the parts that can compute their activations anew do so, where SOLVER.RECOMPUTE asks.

    Raises:
        ConfigError: it does, and there are no such parts.
    """
    if not cfg.SOLVER.RECOMPUTE:
        return
    modules = [module for network in networks.values() for module in network.modules()]
    parts = [module for module in modules if isinstance(module, Recomputable)]
    if not parts:
        raise ConfigError(
            f"SOLVER.RECOMPUTE: {cfg.MODEL.NAME} has no parts that can be; for less memory set "
            "SOLVER.ACCUMULATE"
        )
    for part in parts:
        part.recompute = True


def _require_compiler(device: torch.device) -> None:
    """Compile next to nothing: what it takes differs with device and system."""
    try:
        torch.compile(torch.neg)(torch.zeros(2, device=device))
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"SPEED.COMPILE: PyTorch cannot compile for {device.type} here ({reason}); install "
            "what it misses, or leave it out"
        ) from error


def _own_copy(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """A graph writes to the same memory each time, while a learner may still hold the last."""
    return output.clone()
