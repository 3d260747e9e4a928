"""How other programs wrap a network's weights in their files, and how the names are without it."""

from collections.abc import Mapping

from torch import Tensor, nn

# The averaged weights come first: they are the ones that programs which keep both restore with.
_GROUPS = ("params_ema", "params", "state_dict", "model_state_dict")
_WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before names


def network_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's parameters and buffers under its own names.

    Args:
        state: all tensors of another program's file, nested names joined by dots. Where some are
            under `params_ema`, else `params` (BasicSR), else `state_dict` or `model_state_dict`,
            the network is those alone; the rest belongs to an optimizer or to another copy.
    """
    for group in _GROUPS:
        found = {
            name.removeprefix(f"{group}."): tensor
            for name, tensor in state.items()
            if name.startswith(f"{group}.")
        }
        if found:
            return without_wrappers(found)
    return without_wrappers(state)


def without_wrappers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, names freed of what DataParallel and torch.compile put before them."""
    plain = {}
    for name, tensor in state.items():
        while name.startswith(_WRAPPERS):
            name = name.removeprefix(_WRAPPERS[0]).removeprefix(_WRAPPERS[1])
        plain[name] = tensor
    return plain


def first_names(model: nn.Module) -> dict[str, str]:
    """Of each entry of a model's state dict, the first entry that is the same tensor.

    That is itself, but for weights that parts of the model share.
    """
    first: dict[int, str] = {}
    entries = model.state_dict(keep_vars=True)  # the tensors themselves, no views of them
    return {name: first.setdefault(id(tensor), name) for name, tensor in entries.items()}


def count_parts(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered parts hold entries below `prefix`: 2 for downs.0.bias and downs.1.bias."""
    below = (name.removeprefix(prefix) for name in state if name.startswith(prefix))
    return len({rest.partition(".")[0] for rest in below})
