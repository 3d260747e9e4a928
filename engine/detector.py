"""One picture in, the probability of each class out: what was evaluated is what is served."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import nn

from data.build import build_representation
from data.labelled import Representation, represent
from engine.backends import device_for, run_by
from engine.model_files import load_classifier
from engine.precision import resolve_device
from utils.errors import ImageError
from utils.images import to_tensor
from utils.phases import phase


class Detector:
    """Tells what class a picture belongs to. The classifier is loaded once and kept.

    Args:
        model: a classifier with its weights; it is moved to the device and put into eval().
        representation: what it sees of a picture: the one it was trained with.
        device: "auto", "cpu", "cuda", or a device.

    Raises:
        ConfigError: the device is not there.
    """

    def __init__(
        self, model: nn.Module, representation: Representation, device: str | torch.device = "auto"
    ) -> None:
        self.device = resolve_device(str(device))
        self.model = model.to(self.device).eval()
        self.representation = representation
        self.classes: tuple[str, ...] = model.descriptor.classes

    @classmethod
    def from_weights(
        cls, path: str | Path, device: str | torch.device = "auto", backend: str = "pytorch"
    ) -> Self:
        """A detector from a weights file alone: its metadata says what it needs.

        Args:
            path: the file; an .onnx file that tools/export_model.py wrote is one too.
            device: "auto", "cpu", "cuda", or a device.
            backend: what computes the network, as of `Restorer.from_weights`.

        Raises:
            CheckpointError: the file cannot be read, or is not of a classifier.
            ConfigError: the device is not there, or file, device and back end do not go together.
        """
        # A wrong device is said before a large file is read.
        place = device_for(backend, device, path)
        stored = load_classifier(Path(path))
        return cls(run_by(backend, stored, place), build_representation(stored.cfg), place)

    def classify(self, image: np.ndarray, name: str = "picture") -> dict[str, float]:
        """The probability of each class.

        Args:
            image: HWC uint8 or uint16 with 1 (gray), 3 (RGB) or 4 (RGBA) channels, of any size.
            name: what messages call the picture.

        Raises:
            ImageError: the array is no such picture.
        """
        if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or image.size == 0:
            raise ImageError(f"{name}: an array of shape {image.shape} is not a picture (HWC)")
        if image.dtype not in (np.uint8, np.uint16):
            raise ImageError(f"{name}: has values of type {image.dtype}; 8 or 16 bit are read")
        (probabilities,) = self.probabilities(represent(image, self.representation)[None])
        return dict(zip(self.classes, probabilities.tolist(), strict=True))

    def probability(self, image: np.ndarray, name: str = "picture") -> float:
        """The probability of the last class: of two, of what is looked for."""
        return self.classify(image, name)[self.classes[-1]]

    def probabilities(self, seen: np.ndarray) -> torch.Tensor:
        """The probabilities (N, K), on the CPU, of a batch of what is seen, (N, h, w, 3) uint8."""
        batch = torch.stack([to_tensor(picture) for picture in seen]).to(self.device)
        with torch.inference_mode(), phase("network"):
            return self.model(batch).softmax(dim=1).cpu()
