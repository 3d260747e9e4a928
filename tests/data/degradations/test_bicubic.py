"""Bicubic shrinking: published pictures, and the published score of doing nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from config import from_dict
from data.build import build_loader
from data.degradations.bicubic import Bicubic
from engine.evaluator import Evaluator


class Repeat(nn.Module):
    """Anything that gives the target's size: only the input's row is looked at."""

    def forward(self, x):
        return x.repeat_interleave(4, -1).repeat_interleave(4, -2)


def evaluate(test):
    protocol = {"crop_border": 4, "y_channel": True}
    cfg = from_dict(
        {
            "DATASETS": {"TEST": test},
            "DATA": {
                "WORKERS": 0,
                "DEGRADATIONS": [{"NAME": "Bicubic", "ARGS": {"scale": 4}}],
            },
            "METRICS": {
                "psnr": {"NAME": "PSNR", "ARGS": protocol},
                "ssim": {"NAME": "SSIM", "ARGS": protocol},
            },
        }
    )
    loader = build_loader(cfg, "test", "cpu")
    return Evaluator(cfg, torch.device("cpu")).evaluate(Repeat(), loader)


@pytest.mark.parametrize("way", ["made here", "from disk"])
def test_the_bicubic_row_of_set5_is_the_published_one(shared_dir, way):
    folder = shared_dir / "data" / "sr"
    test = {"NAME": "CleanFolder", "ARGS": {"folder": str(folder / "Set5")}}
    if way == "from disk":
        pair = {"target": str(folder / "Set5"), "input": str(folder / "Set5_x4_lr")}
        test = {"NAME": "PairedFolders", "ARGS": pair}
    found = evaluate(test)
    assert found.input_name == "bicubic" and len(found.images) == 5
    assert found.input_metrics["psnr"] == pytest.approx(28.42, abs=0.02)
    assert found.input_metrics["ssim"] == pytest.approx(0.8104, abs=0.001)
    assert "rounded" in found.protocol["psnr"]["channels"]


@pytest.mark.parametrize("channels", [1, 3])
def test_size_range_and_type(rng, channels):
    hard = (rng.random((36, 24, channels)) < 0.5).astype(np.float32)  # edges that overshoot
    small = Bicubic(3)(hard, rng)
    assert small.shape == (12, 8, channels) and small.dtype == np.float32
    assert small.min() >= 0 and small.max() <= 1


def test_nothing_is_drawn(rng):
    before = rng.bit_generator.state
    Bicubic(2)(np.zeros((8, 8, 3), np.float32), rng)
    assert rng.bit_generator.state == before


def test_scale_must_be_positive():
    with pytest.raises(ValueError, match="scale is 0"):
        Bicubic(0)
