"""One picture in, one restored picture out: the only inference path there is.

Evaluation measures the same forward pass, and every tool and service restores through here, so
that what was measured is what people get.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engine.checkpoint import load_into, load_weights
from engine.color import keep_chroma, remove_light
from engine.memory import out_of_memory_named
from engine.precision import autocast, resolve_device, resolve_precision
from layers.color import luminance
from modeling.build import build_model
from modeling.descriptor import Descriptor
from utils.errors import CheckpointError, ConfigError, ImageError
from utils.images import to_tensor, to_uint8, to_uint16


class Restorer:
    """Restores pictures of any size, gray or colour, 8 or 16 bit, with or without transparency.

    The model is loaded once and kept; `restore` may be called any number of times.

    Args:
        model: an architecture with its weights; it is moved to the device and put into eval().
        device: "auto", "cpu", "cuda", or a device.
        precision: as `PRECISION` in a config. Pictures of 16 bit are always restored in float32,
            which alone can hold them.

    Raises:
        ConfigError: the device is not there, or the architecture does not bear the precision.
    """

    def __init__(
        self, model: nn.Module, device: str | torch.device = "auto", precision: str = "auto"
    ) -> None:
        self.device = resolve_device(str(device))
        self.descriptor: Descriptor = model.descriptor
        self.precision = resolve_precision(precision, self.device, self.descriptor.precisions)
        self.model = model.to(self.device).eval()

    @classmethod
    def from_weights(cls, path: str | Path, device: str | torch.device = "auto") -> Self:
        """A restorer from a weights file alone: its metadata says which model it belongs to.

        The precision is the device's own ("auto"), whatever the training's was.

        Raises:
            CheckpointError: the file cannot be read, states no config, or does not fit its model.
            ConfigError: the device is not there.
        """
        resolve_device(str(device))  # a wrong device is said before a large file is read
        state, cfg, _ = load_weights(Path(path))
        if cfg is None:
            raise CheckpointError(
                f"{path}: holds no config, so its model is not known; "
                "use weights that tools/train_net.py wrote (best.safetensors)"
            )
        try:
            model = build_model(cfg)
        except ConfigError as error:
            plugins = f"; it was trained with PLUGINS {list(cfg.PLUGINS)}" if cfg.PLUGINS else ""
            raise CheckpointError(f"{path}: its model cannot be built: {error}{plugins}") from error
        load_into(model, state, str(path))
        return cls(model, device)

    def restore(self, image: np.ndarray, name: str = "picture") -> np.ndarray:
        """Restore one picture.

        Args:
            image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
            name: what errors call the picture.

        Returns:
            An array of the same depth and channels, height and width times the model's scale.
            Transparency is kept as it is, enlarged where the model enlarges.

        Raises:
            ImageError: the array is no such picture, it does not fit into memory, or the model
                gave values that are not finite.
        """
        _check(image, name)
        alpha = image[..., 3] if image.shape[2] == 4 else None
        colours = image[..., :3]
        precision = "float32" if image.dtype == np.uint16 else self.precision
        with (
            torch.inference_mode(),
            out_of_memory_named(name, image.shape[:2], self.device),
        ):
            picture = to_tensor(colours)[None].to(self.device)
            with autocast(self.device, precision):
                restored = self._restore(picture).float()[0]
            if not bool(torch.isfinite(restored).all()):
                raise ImageError(f"{name}: the model gave values that are not finite")
            to_integers = to_uint16 if image.dtype == np.uint16 else to_uint8
            result = to_integers(restored)
        return result if alpha is None else np.dstack([result, _enlarge(alpha, result.shape)])

    def _restore(self, picture: Tensor) -> Tensor:
        """Fit a gray or colour picture, N1HW or N3HW, to the channels that the model takes."""
        colour = picture.shape[1] == 3
        if self.descriptor.channels == 3 and not colour:
            return self.model(picture.expand(-1, 3, -1, -1)).float().mean(dim=1, keepdim=True)
        if self.descriptor.channels == 1 and colour:
            restored = self.model(luminance(picture)).float().clamp(0, 1)
            carry = remove_light if self.descriptor.scale == 1 else keep_chroma
            return carry(picture, restored)
        return self.model(picture)


def _check(image: np.ndarray, name: str) -> None:
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or image.size == 0:
        raise ImageError(f"{name}: an array of shape {image.shape} is not a picture (HWC)")
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: has values of type {image.dtype}; 8 or 16 bit are restored")


def _enlarge(alpha: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Transparency, HW, at the restored picture's size."""
    height, width = shape[:2]
    if alpha.shape == (height, width):
        return alpha
    # Cubic weights overshoot; OpenCV clips to the range of the type.
    return cv2.resize(alpha, (width, height), interpolation=cv2.INTER_CUBIC)
