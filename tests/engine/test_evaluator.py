"""An evaluation's figures agree with scikit-image's, and leave the model as it was."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn
from torch.nn import functional as F

from config import from_dict
from engine.evaluator import Evaluator, evaluate_each
from modeling.descriptor import Descriptor
from utils.errors import DataError, ImageError

CPU = torch.device("cpu")
SIZES = [(40, 33), (25, 64), (31, 31)]


class Darken(nn.Module):
    """Takes a constant away; in train mode it would give noise."""

    descriptor = Descriptor(channels=0)

    def __init__(self, amount=0.11):
        super().__init__()
        self.amount = amount
        self.frozen = nn.BatchNorm2d(1)

    def forward(self, x):
        return torch.rand_like(x) if self.training else x - self.amount


def config(samples=2, metrics=None, precision="float32"):
    metrics = metrics or {"l1": {"NAME": "L1"}, "psnr": {"NAME": "PSNR"}, "ssim": {"NAME": "SSIM"}}
    return from_dict(
        {
            "PRECISION": precision,
            "METRICS": metrics,
            "VALIDATION": {"TRACK": next(iter(metrics)), "SAMPLES": samples},
        }
    )


@pytest.fixture
def pairs(rng):
    """Pictures of different sizes as (input, target), uint8 HWC."""
    pairs = []
    for height, width in SIZES:
        target = rng.integers(0, 220, (height, width, 3), dtype=np.uint8)
        pairs.append((target + 30, target))
    return pairs


def loader(pairs):
    for i, (picture, target) in enumerate(pairs):
        tensors = (
            torch.from_numpy(image.transpose(2, 0, 1).copy())[None] for image in (picture, target)
        )
        yield dict(zip(("input", "target"), tensors, strict=True)) | {"name": [f"p{i}"]}


def darkened(picture):
    return np.rint(np.clip(picture / 255 - 0.11, 0, 1) * 255).astype(np.uint8)


def test_figures_agree_with_scikit_image(pairs):
    evaluation = Evaluator(config(), CPU).evaluate(Darken(), loader(pairs))
    for prefix, images in (
        ("", [(darkened(a), b) for a, b in pairs]),
        ("input_", pairs),
    ):
        psnr = [peak_signal_noise_ratio(b, a) for a, b in images]
        ssim = [
            structural_similarity(
                b, a, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
            for a, b in images
        ]
        l1 = [np.abs(a.astype(float) - b).mean() / 255 for a, b in images]
        scores = evaluation.input_metrics if prefix else evaluation.metrics
        for name, values in (("psnr", psnr), ("ssim", ssim), ("l1", l1)):
            assert scores[name] == pytest.approx(np.mean(values), abs=1e-4)
            found = [image[prefix + name] for image in evaluation.images]
            assert found == pytest.approx(values, abs=1e-4)
    assert [image["name"] for image in evaluation.images] == ["p0", "p1", "p2"]
    assert evaluation.input_name == "input"


def test_samples_are_the_pictures_a_user_would_save(pairs):
    evaluation = Evaluator(config(samples=2), CPU).evaluate(Darken(), loader(pairs))
    assert [name for name, *_ in evaluation.samples] == ["p0", "p1"]
    for (_, given, output, target), (picture, truth) in zip(
        evaluation.samples, pairs, strict=False
    ):
        assert np.array_equal(given, picture)
        assert np.array_equal(output, darkened(picture))
        assert np.array_equal(target, truth)


@pytest.mark.parametrize("fails", [False, True])
def test_each_module_returns_to_its_own_mode(pairs, fails):
    model = Darken().train()
    model.frozen.eval()
    if fails:
        with pytest.raises(DataError, match="p0"):
            Evaluator(config(), CPU).evaluate(model, loader([(p[:10], t) for p, t in pairs]))
    else:
        Evaluator(config(), CPU).evaluate(model, loader(pairs))
    assert model.training
    assert not model.frozen.training


def test_losses_are_means_over_pictures_and_their_weighted_sum(pairs):
    losses = {"pixel": (nn.L1Loss(), 1.0), "square": (nn.MSELoss(), 10.0)}
    evaluation = Evaluator(config(), CPU, losses).evaluate(Darken(), loader(pairs))
    l1 = np.mean([np.abs((a / 255 - 0.11) - b / 255).mean() for a, b in pairs])
    l2 = np.mean([np.square((a / 255 - 0.11) - b / 255).mean() for a, b in pairs])
    assert evaluation.losses["pixel"] == pytest.approx(l1, rel=1e-5)
    assert evaluation.losses["square"] == pytest.approx(l2, rel=1e-5)
    assert evaluation.losses["loss"] == pytest.approx(l1 + 10 * l2, rel=1e-5)


def test_the_same_again_without_baseline(pairs):
    evaluator = Evaluator(config(), CPU)
    first = evaluator.evaluate(Darken(), loader(pairs))
    again = evaluator.evaluate(Darken(), loader(pairs), baseline=False)
    assert again.metrics == first.metrics
    assert again.input_metrics == {}
    assert set(again.images[0]) == {"name", "l1", "psnr", "ssim"}


class Nearest(nn.Module):
    """Doubles the size."""

    descriptor = Descriptor(scale=2, channels=0)

    def forward(self, x):
        return F.interpolate(x, scale_factor=2, mode="nearest")


def test_baseline_of_a_scale_is_the_published_bicubic(rng):
    target = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 2)
    small = np.ascontiguousarray(target[::2, ::2])
    evaluation = Evaluator(config(), CPU).evaluate(Nearest(), loader([(small, target)]))
    # Pillow's kernel is the same; it is handed what MATLAB's mirrors at the edges.
    mirrored = Image.fromarray(np.pad(small, ((4, 4), (4, 4), (0, 0)), "symmetric"))
    larger = mirrored.resize((80, 64), Image.Resampling.BICUBIC).crop((8, 8, 72, 56))
    nearest = small.repeat(2, axis=0).repeat(2, axis=1)
    assert evaluation.input_name == "bicubic"
    # Pillow rounds in between, so that single values differ by one.
    assert evaluation.input_metrics["psnr"] == pytest.approx(
        peak_signal_noise_ratio(target, np.asarray(larger)), abs=0.05
    )
    assert np.abs(evaluation.samples[0][1].astype(int) - np.asarray(larger)).max() <= 1
    assert evaluation.metrics["psnr"] == pytest.approx(peak_signal_noise_ratio(target, nearest))


def test_refusals_name_the_picture(pairs):
    evaluator = Evaluator(config(), CPU)
    with pytest.raises(DataError, match="p0: MODEL Nearest gives 66x80 with 3 channels from 33x40"):
        evaluator.evaluate(Nearest(), loader(pairs))
    with pytest.raises(DataError, match="p0: has no target"):
        evaluator.evaluate(
            Darken(), ({"input": b["input"], "name": b["name"]} for b in loader(pairs))
        )
    with pytest.raises(DataError, match="empty"):
        evaluator.evaluate(Darken(), [])


def test_out_of_memory_names_picture_and_size(pairs):
    class Huge(nn.Module):
        def forward(self, x):
            return x.expand(2**40, -1, -1, -1).clone()

    with pytest.raises(ImageError, match="p0: 33x40 pixels do not fit into the memory of cpu"):
        Evaluator(config(), CPU).evaluate(Huge(), loader(pairs))


def test_bf16_is_computed_in_bf16(pairs):
    seen = []

    class Layer(nn.Conv2d):
        descriptor = Descriptor(channels=3)

        def forward(self, x):
            y = super().forward(x)
            seen.append(y.dtype)
            return y

    Evaluator(config(precision="bf16"), CPU).evaluate(Layer(3, 3, 3, padding=1), loader(pairs))
    assert set(seen) == {torch.bfloat16}


def test_several_models_are_measured_on_the_same_pictures(pairs):
    models = {"little": Darken(0.05), "more": Darken(0.11)}
    found = evaluate_each(Evaluator(config(), CPU), models, list(loader(pairs)))
    assert list(found) == ["little", "more"]
    for name, evaluation in found.items():
        alone = Evaluator(config(), CPU).evaluate(models[name], loader(pairs))
        assert evaluation.metrics == alone.metrics
        assert [image["name"] for image in evaluation.images] == ["p0", "p1", "p2"]
    assert found["little"].input_metrics and not found["more"].input_metrics
