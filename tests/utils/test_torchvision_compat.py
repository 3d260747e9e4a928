import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# Stands for a torchvision whose compiled operators do not load, whatever is installed: its first
# import asks for an operator of its own, as the real one does.
BROKEN = """
import torch
torch._C._dispatch_has_kernel_for_dispatch_key("torchvision::nms", "Meta")
torch._C._dispatch_has_kernel_for_dispatch_key("torchvision::qnms", "Meta")
answer = 42
"""


def run(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{REPOSITORY}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_missing_operators_are_declared(tmp_path):
    (tmp_path / "torchvision.py").write_text(BROKEN)
    assert "torchvision::nms does not exist" in run("import torchvision", tmp_path).stderr
    code = (
        "from utils.torchvision_compat import import_torchvision as get\n"
        "assert get().answer == 42 and get() is get()\n"
        "import torchvision; assert torchvision is get()"
    )
    result = run(code, tmp_path)
    assert result.returncode == 0, result.stderr


def test_another_failure_is_not_hidden(tmp_path):
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('another defect')")
    result = run("import utils.torchvision_compat as c; c.import_torchvision()", tmp_path)
    assert "another defect" in result.stderr and result.returncode != 0


@pytest.mark.parametrize("package", ["lpips", "torchvision.models"])
def test_packages_built_on_torchvision_import_after_it(package):
    code = (
        "from utils.torchvision_compat import import_torchvision; import_torchvision()\n"
        f"import {package}"
    )
    result = run(code, REPOSITORY)
    assert result.returncode == 0, result.stderr
