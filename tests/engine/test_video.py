"""Videos: frame by frame through the model, at their own rate, with their sound, whole or not."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch import nn
from torch.nn import functional as F

from engine.restore_files import plan, restore_files
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from engine.video import VIDEO_SUFFIXES, VideoReader
from modeling.descriptor import Descriptor
from utils.errors import ImageError, PellucidError

REPOSITORY = Path(__file__).resolve().parents[2]


class Enlarged(nn.Module):
    """Twice as large, and inverted."""

    descriptor = Descriptor(channels=3, scale=2)

    def forward(self, x):
        return F.interpolate(1 - x, scale_factor=2)


def frames_of(count, height=48, width=64):
    """Flat colours that drift: what any encoder keeps."""
    colours = np.array([[40 + 4 * i, 100, 200 - 5 * i] for i in np.arange(count) % 20], np.uint8)
    return [np.broadcast_to(colour, (height, width, 3)) for colour in colours]


def write_video(path, frames, rate=12.5, codec="mp4v"):
    """By OpenCV alone, which takes BGR."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, (width, height))
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def read_video(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


@pytest.fixture
def no_ffmpeg(monkeypatch):
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def restorer():
    return Restorer(Enlarged(), "cpu")


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_frames_rate_and_size(restorer, tmp_path, no_ffmpeg, suffix):
    source = write_video(tmp_path / "in.mp4", frames_of(12))
    output = tmp_path / "new" / f"out{suffix}"
    restore_files(restorer, plan([str(source)], output))
    restored, rate = read_video(output)
    assert rate == pytest.approx(12.5)
    assert len(restored) == 12
    for frame, expected in zip(restored, frames_of(12), strict=True):
        assert frame.shape == (96, 128, 3)
        assert np.abs(frame.mean(axis=(0, 1)) - (255 - expected[0, 0])).max() < 5
    assert os.listdir(output.parent) == [output.name]


def test_a_folder_holds_pictures_and_videos(restorer, tmp_path, no_ffmpeg):
    write_video(tmp_path / "clip.AVI", frames_of(3), codec="MJPG")
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((4, 4, 3), np.uint8))
    jobs = plan([str(tmp_path)], tmp_path / "out")
    assert [job.is_video for job in jobs] == [True, False]
    restore_files(restorer, jobs)
    assert sorted(os.listdir(tmp_path / "out")) == ["clip.AVI", "still.png"]


def test_odd_sizes_lose_a_row_and_say_so(restorer, tmp_path, no_ffmpeg, messages):
    source = write_video(tmp_path / "in.mp4", frames_of(2))
    output = tmp_path / "out.mp4"
    restore_files(restorer, plan([str(source)], output), RestoreOptions(outscale=49 / 48))
    assert read_video(output)[0][0].shape == (48, 64, 3)
    assert any("last row or column of 65x49 pixels is left out" in said for said in messages)


def test_a_video_becomes_no_picture(tmp_path):
    source = write_video(tmp_path / "in.mp4", frames_of(2))
    with pytest.raises(ImageError, match="a video cannot become a picture, out.png"):
        plan([str(source)], tmp_path / "out.png")


def test_missing_sound_and_missing_frames_are_reported(restorer, tmp_path, no_ffmpeg, messages):
    whole = write_video(tmp_path / "in.avi", frames_of(40), codec="MJPG").read_bytes()
    torn = tmp_path / "torn.avi"
    torn.write_bytes(whole[: len(whole) // 2])
    restore_files(restorer, plan([str(torn)], tmp_path / "out.avi"))
    assert "ffmpeg is not on the PATH" in messages[0]
    count = len(read_video(tmp_path / "out.avi")[0])
    assert 0 < count < 40
    assert f"torn.avi: {count} of 40 frames could be read" in messages[1]


@pytest.mark.parametrize("kind", ["empty", "torn", "text"])
def test_an_unreadable_video_is_refused_by_name(restorer, tmp_path, kind):
    path = tmp_path / "broken.mp4"
    whole = write_video(tmp_path / "in.mp4", frames_of(12)).read_bytes()
    path.write_bytes({"empty": b"", "torn": whole[: len(whole) // 2], "text": b"hello" * 99}[kind])
    with pytest.raises(ImageError, match=r"broken\.mp4: is missing, damaged or no video"):
        restore_files(restorer, plan([str(path)], tmp_path / "out" / "a.mp4"))
    assert os.listdir(tmp_path / "out") == []


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(ImageError, match=r"a\.mp4: is a pipe or a device"):
        VideoReader(tmp_path / "a.mp4")


def test_a_full_disk_is_noticed_and_leaves_nothing(restorer, tmp_path, no_ffmpeg):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(30)]
    source = write_video(tmp_path / "in.avi", noise, codec="MJPG")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(PellucidError, match=r"out\.mp4: not all frames could be written"):
            restore_files(restorer, plan([str(source)], tmp_path / "out" / "out.mp4"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path / "out") == []


SLOW = """
import signal, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from torch import nn
from engine.restorer import Restorer
from engine.restore_files import plan, restore_files
from modeling.descriptor import Descriptor

class Slow(nn.Module):
    descriptor = Descriptor(channels=3)
    def forward(self, x):
        print("frame", flush=True)
        time.sleep(0.05)
        return x

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
restore_files(Restorer(Slow(), "cpu"), plan(["in.mp4"], Path("out") / "out.mp4"))
"""


def test_an_interrupt_leaves_nothing_half_written(tmp_path):
    write_video(tmp_path / "in.mp4", frames_of(200))
    (tmp_path / "out").mkdir()
    (tmp_path / "slow.py").write_text(SLOW.format(root=str(REPOSITORY)))
    run = subprocess.Popen(
        [sys.executable, "slow.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    for _ in range(3):
        assert run.stdout.readline() == b"frame\n"
    assert os.listdir(tmp_path / "out") != []  # it is being written somewhere
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode != 0
    assert os.listdir(tmp_path / "out") == []


def write_sound(path, seconds=1.0, rate=8000):
    tone = np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((tone * 20000).astype("<i2").tobytes())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_sound_is_kept(restorer, tmp_path, suffix):
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg on the PATH")
    write_sound(tmp_path / "tone.wav")
    silent = write_video(tmp_path / "silent.mp4", frames_of(12))
    ffmpeg = ["ffmpeg", "-v", "error", "-y"]
    source = tmp_path / "in.mp4"
    tone = ["-i", str(tmp_path / "tone.wav")]
    subprocess.run([*ffmpeg, "-i", str(silent), *tone, "-c:v", "copy", str(source)], check=True)
    output = tmp_path / "out" / f"out{suffix}"
    restore_files(restorer, plan([str(source)], output))
    heard = tmp_path / "heard.wav"
    subprocess.run([*ffmpeg, "-i", str(output), "-ar", "8000", "-bitexact", str(heard)], check=True)
    with wave.open(str(heard)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    assert len(samples) / 8000 == pytest.approx(1, abs=0.2)
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * 8000 / len(samples) == pytest.approx(440, abs=5)
    assert len(read_video(output)[0]) == 12
    assert os.listdir(output.parent) == [output.name]


def test_a_silent_video_stays_silent(restorer, tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg on the PATH")
    source = write_video(tmp_path / "in.mp4", frames_of(12))
    restore_files(restorer, plan([str(source)], tmp_path / "out.mp4"))
    assert len(read_video(tmp_path / "out.mp4")[0]) == 12
