"""The default weights: each with its card, and each better than doing nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio

from engine.restorer import Restorer
from utils.resampling import resize_bicubic

FOLDER = Path(__file__).resolve().parents[1] / "weights"
WEIGHTS = sorted(FOLDER.glob("*.safetensors"))
BY_PIXEL_LOSS = ("sr_edsr_x4", "sr_mobilesr_x4", "sr_tinysrgan_x4")


def to_uint8(picture):
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)


def test_all_of_them_together_are_at_most_24_mib():
    assert WEIGHTS
    assert sum(path.stat().st_size for path in WEIGHTS) <= 24 * 2**20


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.stem)
def test_each_has_a_card_and_names_no_place_of_the_machine_it_was_made_on(path):
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert card.startswith(f"# {path.name}")
    assert "tools/train_net.py" in card
    with safe_open(path, framework="np") as file:
        config = json.loads(file.metadata()["config"])
    assert '"/' not in json.dumps(config)


@pytest.mark.parametrize("name", BY_PIXEL_LOSS)
def test_enlarges_better_than_bicubic(name):
    target = astronaut()[:200, 100:300]
    small = to_uint8(resize_bicubic(target.astype(np.float32) / 255, 50, 50))
    bicubic = to_uint8(resize_bicubic(small.astype(np.float32) / 255, 200, 200))
    restored = Restorer.from_weights(FOLDER / f"{name}.safetensors", "cpu").restore(small)
    ours, theirs = (peak_signal_noise_ratio(target, other) for other in (restored, bicubic))
    assert ours > theirs + 1
