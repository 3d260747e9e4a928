"""What the README says is true; tests/docs/ looks at links, paths and options of every page."""

import re
import sys
from pathlib import Path

import torch

from config import load_config
from modeling import ARCHITECTURES
from modeling.build import build_model

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_every_make_target_named_exists():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.MULTILINE)
    assert {"demo", "test"} <= set(named) <= set(targets)


def test_the_architecture_example_works(tmp_path, monkeypatch):
    (python,) = blocks("python")
    (yaml,) = blocks("yaml")
    (tmp_path / "readme_example.py").write_text(python)
    (tmp_path / "example.yml").write_text(f"PLUGINS: [readme_example]\n{yaml}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ARCHITECTURES, "_parts", dict(ARCHITECTURES._parts))
    try:
        model = build_model(load_config(tmp_path / "example.yml"))
    finally:
        sys.modules.pop("readme_example", None)
    assert torch.allclose(model(torch.ones(1, 1, 4, 4)), torch.full((1, 1, 4, 4), 0.8))
