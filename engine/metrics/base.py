"""What every restoration metric shares: rounding to 8 bit, border, luma, and the running mean."""

from abc import ABC, abstractmethod
from typing import Any

import torch

from utils.errors import ImageError

# BT.601 studio swing (16 to 235), the Y of published tables: luma = weights . RGB / 255 + 16,
# rounded, since the tables' rgb2ycbcr gives 8 bits: Set5's bicubic x4 is 0.8102 so, 0.8113 else.
_LUMA_WEIGHTS = (65.481, 128.553, 24.966)
_LUMA_OFFSET = 16.0
_Y = "Y (BT.601 studio swing, rounded)"


class Metric(ABC):
    """Mean over pictures of one figure a picture.

    Pictures are clamped, rounded to 8 bit, and cropped before they are compared. What is
    accumulated is a sum and a count, so that ranks join by adding `sums`.

    Attributes:
        higher_is_better: which way is better.
        slow: whether it takes so long that it is left out where pictures are measured on the way
            (`engine/training_sample.py`).

    Args:
        crop_border: pixels left out along each edge.
        y_channel: compare BT.601 studio-swing luma, rounded to whole levels, in place of the
            channels; a gray picture counts as the colour picture with three equal channels.

    Raises:
        ValueError: a negative border.
    """

    higher_is_better: bool = True
    slow: bool = False

    def __init__(self, crop_border: int = 0, y_channel: bool = False) -> None:
        if crop_border < 0:
            raise ValueError(f"crop_border is {crop_border}, must be 0 or more")
        self.crop_border = crop_border
        self.y_channel = y_channel
        self._sums = torch.zeros(2, dtype=torch.float64)

    def to(self, device: torch.device | str) -> "Metric":
        """Accumulate (and, where a network measures, measure) on `device`."""
        self._sums = self._sums.to(device)
        return self

    def reset(self) -> None:
        """Forget every picture."""
        self._sums = torch.zeros_like(self._sums)

    @torch.no_grad()
    def update(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Measure a batch and add it to the mean.

        Args:
            output: N x C x H x W in [0, 1], of any floating type, one or three channels.
            target: of the same shape.

        Returns:
            One figure a picture: N values, float64, on the batch's device.

        Raises:
            ImageError: the two differ in size or channels, or are too small to be measured.
        """
        self._check(output, target)
        values = self._measure(self._prepare(output), self._prepare(target)).double()
        count = values.new_tensor(float(len(values)))
        self._sums = self._sums + torch.stack([values.sum(), count]).to(self._sums.device)
        return values

    def sums(self) -> torch.Tensor:
        """Sum of the figures and count of the pictures so far: float64, to be added over ranks."""
        return self._sums.clone()

    def compute(self, sums: torch.Tensor | None = None) -> float:
        """The mean over pictures; nan where there is none.

        Args:
            sums: `sums` added over ranks; this process's own by default.
        """
        total, count = (self._sums if sums is None else sums).tolist()
        return total / count if count else float("nan")

    def protocol(self) -> dict[str, Any]:
        """How the figure is taken, in plain values: it travels with the figure."""
        return {
            "metric": type(self).__name__,
            "channels": _Y if self.y_channel else "as stored (RGB or gray)",
            "crop_border": self.crop_border,
            "bits": 8,
            "mean": "over pictures",
        }

    @abstractmethod
    def _measure(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """One figure a picture from prepared NCHW batches in [0, 255]."""

    def _check(self, output: torch.Tensor, target: torch.Tensor) -> None:
        if output.shape != target.shape:
            raise ImageError(f"output is {_shape(output)}, target is {_shape(target)}")
        height, width = output.shape[-2:]
        if min(height, width) <= 2 * self.crop_border:
            raise ImageError(
                f"crop_border {self.crop_border} leaves nothing of a picture of {width}x{height} px"
            )

    def _prepare(self, image: torch.Tensor) -> torch.Tensor:
        border = self.crop_border
        height, width = image.shape[-2:]
        kept = image[..., border : height - border, border : width - border]
        rounded = kept.float().clamp(0, 1).mul(255).round()
        return _luma(rounded) if self.y_channel else rounded


def _luma(image: torch.Tensor) -> torch.Tensor:
    colour = image.double().expand(-1, 3, -1, -1)
    weights = colour.new_tensor(_LUMA_WEIGHTS).view(1, 3, 1, 1) / 255
    return ((colour * weights).sum(dim=1, keepdim=True) + _LUMA_OFFSET).round()


def _shape(image: torch.Tensor) -> str:
    channels, height, width = image.shape[-3:]
    return f"{width}x{height} px with {channels} channel{'s' if channels > 1 else ''}"
