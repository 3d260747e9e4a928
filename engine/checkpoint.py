"""What a run leaves on disk: weights to restore with, and a checkpoint to go on from.

Neither is ever unpickled freely: weights are safetensors, checkpoints hold tensors and plain
Python and are read with `weights_only`. Both are written whole or not at all.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from config import Config, as_dict, from_dict
from engine.foreign import read_foreign_weights
from modeling.checkpoint_layouts import first_names, network_state, without_wrappers
from utils.errors import CheckpointError, ConfigError
from utils.files import atomic_path
from utils.phases import phase
from utils.state_dicts import is_pickled

_FORMAT = "pellucid checkpoint 2"


@phase("checkpoints")
def save_weights(
    path: str | Path, model: nn.Module, cfg: Config, metrics: Mapping[str, Any]
) -> None:
    """Write a model's parameters and buffers as safetensors, with what it takes to use them.

    What has several names in the model, as shared weights do, is written under the first alone.

    Args:
        path: the file; one that exists is replaced at once.
        model: on any device, in any memory format, wrapped or not.
        cfg: the whole config; kept as JSON in the metadata under "config".
        metrics: figures of these weights and their protocol; as JSON under "metrics".

    Raises:
        PellucidError: naming the file, where it cannot be written.
    """
    metadata = {
        "format": "pt",
        "config": json.dumps(as_dict(cfg)),
        "metrics": json.dumps(dict(metrics)),
    }
    with atomic_path(path) as temporary:
        try:
            save_file(_plain_state(model), str(temporary), metadata)
        except SafetensorError as error:
            raise CheckpointError(f"{path}: cannot be written: {error}") from error


def load_weights(path: str | Path) -> tuple[dict[str, Tensor], Config | None, dict[str, Any]]:
    """Read a weights file: ours, or one of another program (.safetensors, .pth and the like).

    Returns:
        The parameters and buffers on the CPU, the config they were trained with (None in a file
        of another program), and their metrics (empty likewise).

    Raises:
        CheckpointError: naming the file, where it is missing, torn, or not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such weights file")
    if is_pickled(path):
        return read_foreign_weights(path), None, {}
    try:
        with safe_open(str(path), framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is no whole safetensors file: {error}") from error
    try:
        cfg = from_dict(json.loads(metadata["config"])) if "config" in metadata else None
        metrics = json.loads(metadata.get("metrics", "{}"))
    except (ValueError, ConfigError) as error:
        raise CheckpointError(f"{path}: its metadata cannot be used: {error}") from error
    state = network_state(state) if cfg is None else without_wrappers(state)
    return state, cfg, metrics


def load_into(model: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Give `model` the parameters and buffers of `state`, all of them.

    Args:
        model: changed only where everything fits.
        state: by name, without wrappers' prefixes; a tensor that has several names in the model
            under one of them, or the same under each.
        source: where they come from, for messages.

    Raises:
        CheckpointError: naming the source and the first entries that do not fit.
    """
    own = model.state_dict()
    state = _with_every_name(model, state, source)
    missing = sorted(set(own) - set(state))
    extra = sorted(set(state) - set(own))
    differing = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state and own[name].shape != state[name].shape
    ]
    wrong = [
        f"{label} {_first(names)}"
        for label, names in (("without", missing), ("unknown", extra), ("with", differing))
        if names
    ]
    if wrong:
        name = type(model).__name__
        raise CheckpointError(
            f"{source}: does not fit {name} ({'; '.join(wrong)}); MODEL.NAME and MODEL.ARGS must "
            "be those it was trained with"
        )
    model.load_state_dict(state)


def save_checkpoint(path: str | Path, state: Mapping[str, Any], keep: int = 1) -> None:
    """Write everything a run needs to go on.

    Args:
        path: the file; one that exists is replaced at once.
        state: tensors and plain Python only, nested as you like.
        keep: so many checkpoints remain; with 3, what was last.pt is last-1.pt then, and what was
            last-1.pt is last-2.pt. At every moment there is a whole one.

    Raises:
        PellucidError: naming the file, where it cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            with temporary.open("wb") as file:
                torch.save({"format": _FORMAT, **state}, file)
        except RuntimeError as error:
            # PyTorch's own words for a full disk tell nothing; what the file said comes with them.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise
        _move_back(Path(path), keep)


def earlier_checkpoints(path: Path) -> list[Path]:
    """The checkpoints before `path`, newest first: last-1.pt, last-2.pt, ..."""
    numbered = re.compile(rf"{re.escape(path.stem)}-([1-9]\d*){re.escape(path.suffix)}")
    found = [(numbered.fullmatch(file.name), file) for file in path.parent.glob(f"{path.stem}-*")]
    return [file for _, file in sorted((int(match[1]), file) for match, file in found if match)]


def is_saved(path: Path) -> bool:
    """Whether there is a run to go on with: its last checkpoint, `path`, or one before it."""
    return path.exists() or bool(earlier_checkpoints(path))


def load_last_checkpoint(path: Path) -> dict[str, Any]:
    """`load_checkpoint` of a run's last one.

    Raises:
        CheckpointError: likewise, with the newest whole checkpoint before it, if there is one.
    """
    try:
        return load_checkpoint(path)
    except CheckpointError as error:
        whole = next(filter(_is_whole, earlier_checkpoints(path)), None)
        if whole is None:
            raise
        raise CheckpointError(
            f"{error}; the one before it is whole: go on with --resume-from {whole}"
        ) from error


def remove_torn(path: Path) -> None:
    """Remove `path` unless it is whole: it must not take the place of one before it that is."""
    if not _is_whole(path):
        path.unlink(missing_ok=True)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; tensors arrive on the CPU.

    Raises:
        CheckpointError: naming the file, where it is missing, torn, or not a checkpoint of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path}: is no whole checkpoint: {_why(path, error)}") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise CheckpointError(f"{path}: is not a checkpoint of this version of Pellucid")
    return state


def _why(path: Path, error: Exception) -> str:
    """In a user's words; PyTorch's own would be a number, or a paragraph on its zip reader."""
    if not isinstance(error, OSError) and not zipfile.is_zipfile(path):
        return "it is cut short, or something else"
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _move_back(path: Path, keep: int) -> None:
    """Make room for a new `path`: each checkpoint takes the place of the one before it."""
    for number in range(keep - 1, 1, -1):
        younger = _numbered(path, number - 1)
        if younger.exists():
            os.replace(younger, _numbered(path, number))
    if keep > 1 and path.exists():
        # By a second name rather than a new one: there is never a moment without `path`.
        with atomic_path(_numbered(path, 1)) as temporary:
            temporary.unlink()
            try:
                os.link(path, temporary)
            except OSError:  # a file system without such names
                shutil.copyfile(path, temporary)
    for file in earlier_checkpoints(path)[keep - 1 :]:
        file.unlink()


def _is_whole(path: Path) -> bool:
    try:
        load_checkpoint(path)
    except CheckpointError:
        return False
    return True


def _numbered(path: Path, number: int) -> Path:
    return path.with_stem(f"{path.stem}-{number}")


def _plain_state(model: nn.Module) -> dict[str, Tensor]:
    """On the CPU, contiguous, each tensor once, under names without wrappers."""
    first = first_names(model)
    state = {name: tensor for name, tensor in model.state_dict().items() if first[name] == name}
    return {
        name: tensor.detach().to("cpu").contiguous().clone()
        for name, tensor in without_wrappers(state).items()
    }


def _with_every_name(
    model: nn.Module, state: Mapping[str, Tensor], source: str | Path
) -> dict[str, Tensor]:
    """`state`, and in it the names that the model has for tensors of other names there."""
    first = first_names(model)
    holders: dict[str, str] = {}  # of a first name, the name that its tensor has in the file
    for name in filter(state.__contains__, first):
        holder = holders.setdefault(first[name], name)
        if holder != name and not torch.equal(state[holder], state[name]):
            raise CheckpointError(
                f"{source}: {holder} and {name} differ, which are one in {type(model).__name__}"
            )
    others = {name: state[holders[first[name]]] for name in first if first[name] in holders}
    return {**others, **state}


def _first(names: list[str], count: int = 3) -> str:
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown} and {len(names) - count} more"
