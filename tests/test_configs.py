"""The experiments in configs/."""

from pathlib import Path

import pytest
import torch

from config import load_config
from data.build import build_loader
from engine.learners import LEARNERS
from engine.metrics import build_classification_metrics, build_metrics
from engine.precision import resolve_device
from modeling.build import build_losses, build_model, build_network, classifies
from utils.errors import DataError
from utils.registry import build_part
from utils.torchvision_compat import import_torchvision

CPU = torch.device("cpu")
CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.yml"))


@pytest.fixture
def no_download(monkeypatch):
    """Torchvision's networks without its weights, whose files are called vgg19-dcbb9e9d.pth."""

    def empty(url, **_):
        name = Path(url).name.partition("-")[0]
        with torch.device("meta"):
            model = getattr(import_torchvision().models, name)(weights=None)
        return {
            f"features.{k}": v
            for k, v in model.features.to_empty(device="cpu").state_dict().items()
        }

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", empty)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.usefixtures("no_download")
def test_every_config_names_parts_that_exist(path):
    cfg = load_config(path)
    if cfg.MODEL.WEIGHTS:  # a second stage goes on from the first one's own output
        first = Path(cfg.MODEL.WEIGHTS).parts[1]
        assert load_config(path.with_name(f"{first}.yml")).MODEL.NAME == cfg.MODEL.NAME
    learner = {"model": build_network(cfg), "losses": {}, "device": CPU, "precision": "float32"}
    build_part(LEARNERS, cfg.LEARNER, "LEARNER", **learner)
    assert build_losses(cfg)
    metrics = build_classification_metrics(cfg) if classifies(cfg) else build_metrics(cfg)
    assert cfg.VALIDATION.TRACK in (*metrics, "loss")
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
