"""Batches on their way to the device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from data.samples import PICTURES

Batch = dict[str, Any]


def sent_ahead(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches in the same order, their tensors on a CUDA device where that is one.

    Nothing waits: a batch is copied on a stream of its own, beside what the device still computes
    of the one before it, and the host is free at once. Pictures stay uint8, a quarter of the
    bytes. For other devices batches are left as they are.

    Args:
        batches: on the CPU; in pinned memory, without which a copy keeps the host waiting.
        device: where they go.
    """
    if device.type != "cuda":
        yield from batches
        return
    stream = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(stream):
            sent = _sent(batch, device)
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(stream)
        for value in sent.values():
            if isinstance(value, Tensor):  # else its memory would be given away on `stream`
                value.record_stream(computing)
        yield sent


def to_device(
    batch: Batch,
    device: str | torch.device,
    layout: torch.memory_format = torch.contiguous_format,
) -> Batch:
    """A batch with its pictures on `device`, float32 in [0, 1], in the memory format `layout`.

    The one place where 8 bit becomes float: 255 is 1 exactly.
    """
    moved = _sent(batch, torch.device(device))
    for half in PICTURES:
        if half not in batch:
            continue
        image = moved[half]
        if image.dtype == torch.uint8:
            image = image.to(torch.float32, memory_format=layout).div_(255)
        moved[half] = image.contiguous(memory_format=layout)
    return moved


def _sent(batch: Batch, device: torch.device) -> Batch:
    return {
        key: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
        for key, value in batch.items()
    }
