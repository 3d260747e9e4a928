"""Metrics of training samples: always of the same ones, by the metrics that are fast."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from config import from_dict
from data.build import build_loader
from engine.metrics import METRICS, PSNR
from engine.training_sample import SIZE, TrainingSample
from modeling.descriptor import Descriptor
from utils.images import write_image

CPU = torch.device("cpu")


@METRICS.register
class Patient(PSNR):
    """Too slow to be taken on the way."""

    slow = True

    def update(self, output, target):
        raise AssertionError("was taken all the same")


class Darken(nn.Module):
    descriptor = Descriptor(channels=1)

    def forward(self, x):
        return torch.rand_like(x) if self.training else x - 0.11


@pytest.fixture
def make(tmp_path, rng):
    """The training sample of 40 pairs, and its loader."""
    for number in range(40):
        target = rng.integers(0, 200, (32, 40, 1), dtype=np.uint8)
        write_image(tmp_path / "target" / f"{number}.png", target)
        write_image(tmp_path / "input" / f"{number}.png", target + rng.integers(35, 55, dtype="u1"))

    def build(crop=16, **metrics):
        folders = {half: str(tmp_path / half) for half in ("input", "target")}
        cfg = from_dict(
            {
                "DATASETS": {"TRAIN": {"NAME": "PairedFolders", "ARGS": folders}},
                "DATA": {
                    "CHANNELS": 1,
                    "WORKERS": 0,
                    "TRANSFORMS": [{"NAME": "RandomCrop", "ARGS": {"size": crop}}],
                },
                "METRICS": {name: {"NAME": kind} for name, kind in metrics.items()},
                "VALIDATION": {"TRACK": next(iter(metrics))},
            }
        )
        loader = build_loader(cfg, "train", CPU)
        return TrainingSample(cfg, loader, CPU), loader

    return build


def test_figures_are_scikit_images_on_the_same_crops_each_time(make):
    sample, loader = make(psnr="PSNR", best="Patient")
    seen = []

    class Recording(Darken):
        def forward(self, x):
            seen.append(x.clone())
            return super().forward(x)

    model = Recording().train()
    first = sample.measure(model)
    loader.set_epoch(3)
    list(loader)  # training goes on meanwhile
    assert sample.measure(model) == first and set(first) == {"psnr"}
    assert model.training and len(seen) == 2 * SIZE
    assert all(torch.equal(a, b) for a, b in zip(seen[:SIZE], seen[SIZE:], strict=True))
    made = [loader.samples.make((0, int(index))) for index in order(loader)]
    outputs = [np.rint(np.clip(one["input"] / 255 - 0.11, 0, 1) * 255) for one in made]
    expected = [
        peak_signal_noise_ratio(one["target"], output.astype(np.uint8))
        for one, output in zip(made, outputs, strict=True)
    ]
    assert first["psnr"] == pytest.approx(np.mean(expected), abs=1e-3)


def order(loader):
    loader.set_epoch(0)
    return loader.sampler.sampler.order()[:SIZE]


def test_a_metric_that_does_not_fit_the_crops_is_left_out_and_said_once(make, messages):
    sample, _ = make(crop=8, psnr="PSNR", ssim="SSIM")
    for _ in range(2):
        assert set(sample.measure(Darken())) == {"psnr"}
    (said,) = [message for message in messages if "ssim" in message]
    assert (
        said == "ssim is not measured on training samples: SSIM needs 11x11 px or more, got 8x8 px"
    )


def test_where_all_metrics_are_slow_nothing_is_computed(make):
    sample, _ = make(best="Patient")
    assert sample.measure(nn.Module()) == {}
