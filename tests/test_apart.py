"""Tests that load ONNX Runtime and OpenVINO, in a process of their own.

Where the two have been loaded, a later fork of the same process, as tests of killed writers make
many, has ended it by a segmentation fault.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_what_is_marked_apart_passes():
    words = ["-m", "pytest", "-q", "-m", "apart", "tests/engine", "tests/tools"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
