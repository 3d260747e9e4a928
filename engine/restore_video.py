"""Restoring a video: every frame through the model, at the same rate, with the same sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine.restore_options import DEFAULTS, RestoreOptions, RestoresPictures
from engine.video import VideoReader, VideoWriter, add_sound, can_add_sound
from utils.files import atomic_path
from utils.logging import get_logger

_log = get_logger(__name__)


def restore_video(
    restorer: RestoresPictures, source: Path, output: Path, options: RestoreOptions = DEFAULTS
) -> None:
    """Restore a video from file to file: whole, or not at all.

    Frames keep their rate; sound is kept where ffmpeg is on the PATH, and reported as left out
    where it is not. A progress bar over the frames is shown on a terminal only.

    Args:
        restorer: restores each frame, 8-bit RGB.
        source: a video of any kind that OpenCV reads.
        output: its suffix names the kind that is written.
        options: as for a picture.

    Raises:
        PellucidError: the video cannot be read, restored or written, or its sound not taken along.
    """
    with atomic_path(output) as temporary:
        if not can_add_sound():
            _log.warning(
                "%s: ffmpeg is not on the PATH; the result has no sound, whatever the video has",
                source,
            )
            _restore_frames(restorer, source, temporary, output, options)
            return
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=output.parent) as folder:
            silent = Path(folder) / f"silent{output.suffix}"
            _restore_frames(restorer, source, silent, output, options)
            add_sound(silent, source, temporary)


def _restore_frames(
    restorer: RestoresPictures, source: Path, written: Path, output: Path, options: RestoreOptions
) -> None:
    """Restore the frames of `source` to `written`, which becomes `output`."""
    with VideoReader(source) as video:
        bar = tqdm(video, str(source), video.frames or None, unit="frame", disable=None)
        frames = _restored(restorer, source, bar, options)
        first = next(frames)  # only the first tells how large all are
        height, width = first.shape[:2]
        with VideoWriter(written, str(output), video.frame_rate, height, width) as writer:
            for frame in chain([first], frames):
                writer.write(frame)


def _restored(
    restorer: RestoresPictures, source: Path, frames: Iterable[np.ndarray], options: RestoreOptions
) -> Iterator[np.ndarray]:
    for number, frame in enumerate(frames, start=1):
        yield restorer.restore(frame, f"{source} (frame {number})", options)
