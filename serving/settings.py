"""What a server is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Which models a server holds, and what it lets a request do.

    Attributes:
        device: "auto", "cpu", "cuda" or "cuda:1".
        backend: what computes the networks; see `engine.backends.run_by`.
        weights: files in the place of the default weights, by a system's name or `DETECTION`.
        face_detector: what finds faces for the mouth system; see `engine.regions.detectors`.
        face_detector_model: YuNet's file; None takes the one that is kept or fetched.
        max_upload_mb: megabytes (10^6 bytes) of an upload.
        max_megapixels: millions of pixels of a picture, and of what becomes of it.
        queue: requests that may be inside at the same time.
        max_batch: pictures of one size that go through a network at once.
        time_limit: seconds from a request's arrival to its answer.
        api_key: what `X-API-Key` must hold; None lets everybody in.
        cors: origins of web pages that may call the server.
    """

    device: str = "auto"
    backend: str = "pytorch"
    weights: Mapping[str, Path] = field(default_factory=dict)
    face_detector: str = "auto"
    face_detector_model: Path | None = None
    max_upload_mb: float = 32.0
    max_megapixels: float = 32.0
    queue: int = 16
    max_batch: int = 8
    time_limit: float = 60.0
    api_key: str | None = field(default=None, repr=False)
    cors: tuple[str, ...] = ()

    @property
    def max_bytes(self) -> int:
        """Of an upload."""
        return round(self.max_upload_mb * 1e6)

    @property
    def max_pixels(self) -> int:
        """Of a picture, and of what becomes of it."""
        return round(self.max_megapixels * 1e6)
