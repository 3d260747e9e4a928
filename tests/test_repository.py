"""What must hold of the repository itself."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def git(*arguments: str) -> subprocess.CompletedProcess:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if done.returncode == 128:
        pytest.skip(f"git refuses this checkout: {done.stderr.strip()}")
    return done


def test_every_data_set_module_is_tracked():
    tracked = set(git("ls-files", "data/datasets").stdout.split())
    present = {str(file.relative_to(ROOT)) for file in (ROOT / "data/datasets").glob("*.py")}
    assert len(present) >= 5
    assert present <= tracked


def test_only_the_top_folder_datasets_is_ignored():
    assert "/datasets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert git("check-ignore", "-q", "data/datasets/new.py").returncode == 1
    assert git("check-ignore", "-q", "datasets/SD1/train/1.png").returncode == 0
