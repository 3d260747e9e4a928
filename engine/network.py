"""A model on its device, given pictures and parts of pictures as they lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from engine.color import ENLARGING_REACH, keep_chroma, remove_light
from engine.precision import autocast
from layers.color import luminance
from modeling.descriptor import Descriptor, SeesWhole
from utils.image_rows import Pixels
from utils.images import to_tensor
from utils.phases import phase

_STRIP = 2**21  # pixels that are looked at together


class Network:
    """Fits gray and colour pictures of 8 or 16 bit to what an architecture takes.

    Args:
        model: an architecture with its weights; it is moved to the device and put into eval().
        device: where it runs.
        precision: of 8-bit pictures; those of 16 bit go through in float32, which alone can hold
            them.
    """

    def __init__(self, model: nn.Module, device: torch.device, precision: str) -> None:
        self.model = model.to(device).eval()
        self.device = device
        self.precision = precision
        self.descriptor: Descriptor = model.descriptor

    @property
    def local(self) -> bool:
        """Whether a part that holds the receptive field comes out as it does in the whole."""
        told = isinstance(self.model, SeesWhole) and self.descriptor.equal_parts
        return told or not self.descriptor.global_context

    @property
    def reach(self) -> int:
        """Pixels that carrying luminance to colour reaches to each side, beside the model."""
        carries = self.descriptor.channels == 1 and self.descriptor.scale > 1
        return ENLARGING_REACH if carries else 0

    def look(self, image: Pixels) -> object | None:
        """What an architecture with global context wants to know of the whole picture, HWC."""
        if not isinstance(self.model, SeesWhole):
            return None
        height, width = image.shape[:2]
        rows = max(1, _STRIP // width)
        # Strips on the CPU: as floats the whole picture may be more than there is memory for.
        parts = (image[top : top + rows, :][..., :3] for top in range(0, height, rows))
        strips = (self._taken(to_tensor(part)[None]) for part in parts)
        with torch.inference_mode(), autocast(self.device, self._precision_of(image)):
            return self.model.look(strips, (height, width))

    def restore(
        self, image: np.ndarray, seen: object | None = None, top: int = 0, left: int = 0
    ) -> Tensor:
        """Restore a picture, or a part of one.

        Args:
            image: HWC uint8 or uint16, gray or RGB.
            seen: what `look` gave for the whole picture, when this is a part of it.
            top: rows of the whole picture above the part.
            left: columns to its left.

        Returns:
            float32 CHW on the device, not clamped, with the picture's channels.
        """
        forward: Callable[[Tensor], Tensor] = self.model
        if seen is not None:
            forward = partial(self.model.restore_part, seen=seen, top=top, left=left)
        return self._through(forward, [image])[0]

    def restore_batch(self, images: Sequence[np.ndarray]) -> Tensor:
        """Restore pictures of equal size, depth and channels at once.

        Args:
            images: each HWC uint8 or uint16, gray or RGB.

        Returns:
            float32 NCHW on the device, not clamped, with the pictures' channels.
        """
        return self._through(self.model, images)

    def _through(self, forward: Callable[[Tensor], Tensor], images: Sequence[np.ndarray]) -> Tensor:
        with torch.inference_mode(), autocast(self.device, self._precision_of(images[0])):
            pictures = torch.stack([to_tensor(image) for image in images]).to(self.device)
            with phase("network"):
                output = forward(self._taken(pictures)).float()
            return self._given(pictures, output)

    def _precision_of(self, image: Pixels) -> str:
        return "float32" if image.dtype == np.uint16 else self.precision

    def _taken(self, picture: Tensor) -> Tensor:
        """A picture, N1HW or N3HW, with the channels that the model takes."""
        if self.descriptor.channels == 3:
            return picture.expand(-1, 3, -1, -1)
        return luminance(picture) if self.descriptor.channels == 1 else picture

    def _given(self, picture: Tensor, output: Tensor) -> Tensor:
        """What the model made of it, with the picture's own channels again."""
        colour = picture.shape[1] == 3
        if self.descriptor.channels == 3 and not colour:
            return output.mean(dim=1, keepdim=True)
        if self.descriptor.channels == 1 and colour:
            carry = remove_light if self.descriptor.scale == 1 else keep_chroma
            return carry(picture, output.clamp(0, 1))
        return output
