"""The experiments in configs/."""

from pathlib import Path

import pytest

from config import load_config
from data.build import build_loader
from engine.metrics import build_metrics
from engine.precision import resolve_device
from modeling.build import build_losses, build_model
from utils.errors import DataError

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.yml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_names_parts_that_exist(path):
    cfg = load_config(path)
    build_model(cfg)
    assert build_losses(cfg)
    assert cfg.VALIDATION.TRACK in build_metrics(cfg, resolve_device("cpu"))
    assert cfg.OUTPUT_DIR == f"output/{path.stem}"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_missing_data_says_in_two_lines_what_to_do(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = load_config(path)
    with pytest.raises(DataError) as caught:
        build_loader(cfg, "train", resolve_device("cpu"))
    assert len(str(caught.value).splitlines()) == 3  # what is missing, then two lines of help
    if path.stem.startswith("sd1"):
        assert "tools/prepare_data.py sd1" in str(caught.value)
        assert "tools/prepare_data.py demo" in str(caught.value)


def test_the_original_is_the_earlier_projects_network():
    (path,) = [path for path in CONFIGS if path.stem == "sd1_glare_original"]
    model = build_model(load_config(path))
    assert sum(parameter.numel() for parameter in model.parameters()) == 22_325_505
