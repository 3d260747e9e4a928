"""Videos, frame by frame: reading, writing, and the sound of one for the pictures of another."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from utils.errors import ImageError, PellucidError
from utils.image_headers import refuse_special_file
from utils.logging import get_logger

_log = get_logger(__name__)

# What is written into each container, best first; OpenCV brings the encoders of all of them.
_CODECS = {
    ".mp4": ("mp4v",),
    ".mov": ("mp4v",),
    ".mkv": ("mp4v",),
    ".avi": ("MJPG",),
    ".webm": ("VP90", "VP80"),
}
VIDEO_SUFFIXES = tuple(_CODECS)


class VideoReader:
    """The frames of a video, upright, as HWC RGB uint8; iterate once, inside a `with` block.

    Attributes:
        frame_rate: frames per second.
        frames: how many the file says it holds; some containers only estimate it.

    Raises:
        ImageError: naming the file, when it is no readable video or states no frame rate.
    """

    def __init__(self, path: Path) -> None:
        refuse_special_file(path)
        self._path = path
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise ImageError(f"{path}: is missing, damaged or no video that can be read")
        self.frame_rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.frames = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        if not math.isfinite(self.frame_rate) or self.frame_rate <= 0:
            self._capture.release()
            raise ImageError(f"{path}: states no frame rate; convert the video first")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._capture.release()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Each frame.

        Raises:
            ImageError: not even one can be read.
        """
        count = 0
        while True:
            found, frame = self._capture.read()
            if not found:
                break
            count += 1
            yield np.ascontiguousarray(frame[..., ::-1])
        if count == 0:
            raise ImageError(f"{self._path}: holds no frame that can be read")
        if count < self.frames - 1:
            _log.warning(
                "%s: %d of %d frames could be read; the rest is missing or damaged",
                *(self._path, count, self.frames),
            )


class VideoWriter:
    """Writes HWC RGB uint8 frames of one size to a video file; use it in a `with` block.

    Args:
        path: its suffix names the container.
        name: what messages call the video.
        frame_rate: frames per second.
        height: of every frame. An odd last row or column is lost: encoders store colour for
            squares of two pixels.
        width: of every frame.

    Raises:
        ImageError: naming the file, when no encoder for it is there, or, at the end of the block,
            when not all frames arrived in the file.
    """

    def __init__(self, path: Path, name: str, frame_rate: float, height: int, width: int) -> None:
        self._path, self._name, self._written = path, name, 0
        for codec in _CODECS[path.suffix.lower()]:
            code = cv2.VideoWriter.fourcc(*codec)
            self._writer = cv2.VideoWriter(
                str(path), cv2.CAP_FFMPEG, code, frame_rate, (width, height)
            )
            if self._writer.isOpened():
                break
        else:
            raise ImageError(
                f"{name}: a video of {width}x{height} pixels cannot be written to {path.suffix}; "
                f"try another of {' '.join(VIDEO_SUFFIXES)}"
            )
        if height % 2 or width % 2:
            _log.warning(
                "%s: videos have even sizes; the last row or column of %dx%d pixels is left out",
                *(name, width, height),
            )

    def write(self, frame: np.ndarray) -> None:
        """Append a frame."""
        self._writer.write(np.ascontiguousarray(frame[..., ::-1]))
        self._written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.release()
        if kind is None and not self._is_whole():
            raise PellucidError(f"{self._name}: not all frames could be written; is the disk full?")

    def _is_whole(self) -> bool:
        # OpenCV does not tell when writing fails, so the file itself is asked.
        try:
            with VideoReader(self._path) as video:
                return video.frames >= self._written - 1
        except ImageError:
            return False


def add_sound(pictures: Path, source: Path, output: Path) -> None:
    """Write to `output` the frames of `pictures` with the sound of `source`, if it has any.

    Sound is copied as it is between files of one kind, else encoded anew.

    Raises:
        ImageError: naming `source`, when ffmpeg refuses.
    """
    same = source.suffix.lower() == output.suffix.lower()
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(pictures), "-i", str(source)]
    command += ["-map", "0:v", "-map", "1:a?", "-c:v", "copy", *(["-c:a", "copy"] if same else [])]
    run = subprocess.run([*command, str(output)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        reason = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ImageError(f"{source}: ffmpeg could not take its sound along: {reason}")


def can_add_sound() -> bool:
    """Whether ffmpeg is on the PATH."""
    return shutil.which("ffmpeg") is not None
