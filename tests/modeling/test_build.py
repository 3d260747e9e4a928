"""Models and losses from a config."""

import pytest
import torch

from config import get_defaults
from modeling.build import build_losses, build_model
from modeling.registries import ARCHITECTURES, LOSSES
from utils.errors import ConfigError


def test_a_model_is_built_with_its_arguments():
    cfg = get_defaults()
    cfg.MODEL.NAME = "UNet"
    cfg.MODEL.ARGS["channels"] = 3
    assert build_model(cfg).descriptor.channels == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"NAME": "UNett"}, "MODEL.NAME.*did you mean UNet"),
        ({"ARGS": {"width": [1]}}, "MODEL.ARGS.width.*did you mean widths"),
    ],
)
def test_a_misspelt_part_is_named_with_a_proposal(change, words):
    cfg = get_defaults()
    cfg.MODEL.update(change)
    with pytest.raises(ConfigError, match=words):
        build_model(cfg)


@pytest.mark.parametrize("base", [object, torch.nn.Module])
def test_what_is_no_architecture_or_no_loss_is_named(base, monkeypatch):
    cfg = get_defaults()
    for registry in (ARCHITECTURES, LOSSES):
        monkeypatch.setitem(registry._parts, "Bare", type("Bare", (base,), {}))
    cfg.MODEL.NAME = "Bare"
    with pytest.raises(ConfigError, match=r"MODEL\.NAME: Bare must be an nn\.Module with a desc"):
        build_model(cfg)
    cfg.LOSSES["pixel"] = {"NAME": "Bare"}
    if base is object:
        with pytest.raises(ConfigError, match=r"LOSSES\.pixel\.NAME: Bare must be an nn\.Module"):
            build_losses(cfg)


def test_no_loss_is_an_error():
    with pytest.raises(ConfigError, match="LOSSES"):
        build_losses(get_defaults())


@pytest.mark.parametrize(("name", "power"), [("L1", 1), ("MSE", 2)])
def test_pixel_losses_are_means_of_powers(name, power):
    cfg = get_defaults()
    cfg.LOSSES["pixel"] = {"NAME": name, "WEIGHT": 0.5}
    loss, weight = build_losses(cfg)["pixel"]
    output, target = torch.rand(2, 2, 3, 4, 5, dtype=torch.float64)
    assert weight == 0.5
    torch.testing.assert_close(loss(output, target), ((output - target).abs() ** power).mean())
