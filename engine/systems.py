"""What Pellucid does for a picture: five systems, and the weights that come with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1] / "weights"


@dataclass(frozen=True)
class System:
    """One of the things that can be done for a picture.

    Attributes:
        name: what people choose it by.
        summary: what it does, in a sentence's half.
        weights: its weights files by the names of their networks, the default first.
    """

    name: str
    summary: str
    weights: Mapping[str, Path]

    @property
    def default(self) -> Path:
        """The weights that are taken where none are named."""
        return next(iter(self.weights.values()))


def _files(**names: str) -> dict[str, Path]:
    return {choice: _FOLDER / f"{name}.safetensors" for choice, name in names.items()}


_ENLARGING = _files(
    TinySRGAN="sr_tinysrgan_x4",
    MobileSR="sr_mobilesr_x4",
    MiniSRGAN="sr_minisrgan_x4",
    SRGAN="sr_srgan_x4",
    EDSR="sr_edsr_x4",
)

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        System("glare", "removes glare", _files(GlareNet="glare_unet")),
        System("low-light", "lifts darkness", _files(LowLightNet="lowlight_net")),
        System("super-resolution", "enlarges four times, with detail", _ENLARGING),
        System(
            "pixelation",
            "corrects pixelation, keeping the size",
            _files(depixelate="depixelate_x4") | _ENLARGING,
        ),
        System("mouth", "sharpens the mouths of all faces", _files(MouthNet="mouth_unet")),
    )
}

# Weights that tell whether a picture is pixelated, by what they look at; the default first.
DETECTION_METHODS: dict[str, Path] = _files(
    edges="pixelation_detector",
    plain="pixelation_detector_plain",
)
DETECTION_WEIGHTS = DETECTION_METHODS["edges"]
