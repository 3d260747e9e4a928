"""Running out of memory, said in one line that names the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from utils.errors import ImageError

# PyTorch's allocator on the CPU raises a plain RuntimeError, known by its words alone.
_CPU_PHRASES = ("not enough memory", "can't allocate memory", "cannot allocate memory")


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        phrase in str(error).lower() for phrase in _CPU_PHRASES
    )


@contextmanager
def out_of_memory_named(name: str, size: Sequence[int], device: torch.device) -> Iterator[None]:
    """Turn an out-of-memory failure inside the block into an error about this picture.

    Args:
        name: the picture's name.
        size: its height and width in pixels.
        device: where it was worked on.

    Raises:
        ImageError: memory ran out; what was allocated for the picture is free again.
    """
    height, width = size
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        message = (
            f"{name}: {width}x{height} pixels do not fit into the memory of {device}; "
            "make the picture smaller or use a device with more memory"
        )
    else:
        return
    # Outside the except block, so that the failed call's frames no longer hold its tensors.
    if device.type == "cuda":
        torch.cuda.empty_cache()
    raise ImageError(message)
