import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from config import from_dict
from engine.checkpoint import load_checkpoint
from engine.learners import LEARNERS
from engine.trainer import Trainer
from modeling import DISCRIMINATORS
from tests.comparison import assert_same
from utils.errors import ConfigError
from utils.images import write_image

CPU = torch.device("cpu")
PATCHES = {"NAME": "PatchGAN", "ARGS": {"features": 4, "layers": 1}}


def adversarial(model, discriminator=PATCHES, loss=None, precision="float32", weight=0.5):
    torch.manual_seed(0)
    return LEARNERS.build(
        "Adversarial",
        discriminator=discriminator,
        loss=loss,
        weight=weight,
        model=model,
        losses={"l1": (nn.L1Loss(), 1.0)},
        device=CPU,
        precision=precision,
    )


def a_batch(samples=2):
    generator = torch.Generator().manual_seed(1)
    return {
        "input": torch.rand(samples, 3, 16, 16, generator=generator),
        "target": torch.rand(samples, 3, 16, 16, generator=generator),
    }


def test_the_models_loss_is_the_weighted_sum_and_leaves_the_discriminator_alone():
    model = nn.Conv2d(3, 3, 1)
    learner = adversarial(model)
    discriminator = learner.networks["discriminator"].eval()
    batch = a_batch()
    found = learner.step(batch, "model")
    output = model(batch["input"])
    deceived = F.binary_cross_entropy_with_logits(
        scores := discriminator(output), torch.ones_like(scores)
    )
    expected = F.l1_loss(output, batch["target"]) + 0.5 * deceived
    assert list(found) == ["loss", "l1", "adversarial"]
    assert found["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    found["loss"].backward()
    assert model.weight.grad.abs().sum() > 0
    assert all(p.grad is None and p.requires_grad for p in discriminator.parameters())
    assert torch.equal(batch["output"], output) and not batch["output"].requires_grad


def test_the_discriminators_loss_leaves_the_model_alone():
    model = nn.Conv2d(3, 3, 1)
    learner = adversarial(model)
    batch = a_batch()
    learner.step(batch, "model")
    found = learner.step(batch, "discriminator")
    assert list(found) == ["loss", "real", "fake"]
    found["loss"].backward()
    assert model.weight.grad is None
    assert all(p.grad is not None for p in learner.networks["discriminator"].parameters())


@pytest.mark.parametrize(("loss", "judged"), [("Vanilla", 3), ("Hinge", 3), ("Relativistic", 4)])
def test_no_picture_is_made_or_judged_twice_for_nothing(loss, judged):
    """One output; its score to learn from, then with the target's after the model has moved.

    The last two take gradients of the discriminator and not of the model. A relativistic model
    learns from the target's score, too.
    """
    model = nn.Conv2d(3, 3, 1)
    learner = adversarial(model, loss={"NAME": loss})
    passes = []
    for name, network in learner.networks.items():
        network.register_forward_hook(lambda *_, name=name: passes.append(name))
    batch = a_batch()
    for network in ("model", "discriminator"):
        learner.step(batch, network)["loss"].backward()
    assert passes.count("model") == 1 and passes.count("discriminator") == judged


def test_an_even_discriminator_pays_twice_the_logarithm_of_two():
    learner = adversarial(nn.Conv2d(3, 3, 1))
    for parameter in learner.networks["discriminator"].parameters():
        nn.init.zeros_(parameter)
    batch = a_batch()
    learner.step(batch, "model")
    found = learner.step(batch, "discriminator")
    assert found["loss"].item() == pytest.approx(2 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("loss", ["Vanilla", "LeastSquares", "Hinge", "Relativistic"])
@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_the_discriminator_learns_to_tell_apart_and_takes_a_batch_of_one(name, loss):
    """Pictures that differ at a glance are told apart within a few steps, whatever is chosen."""
    learner = adversarial(
        nn.Conv2d(3, 3, 1),
        discriminator={"NAME": name, "ARGS": {"features": 8}},
        loss={"NAME": loss},
    )
    optimizer = torch.optim.Adam(learner.networks["discriminator"].parameters(), lr=2e-3)
    target = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    batch = {"input": target, "target": target, "output": torch.full_like(target, 0.5)}
    for _ in range(12):
        optimizer.zero_grad()
        found = learner.step(batch, "discriminator")
        found["loss"].backward()
        optimizer.step()
    assert found["real"] > found["fake"]
    one = {key: value[:1] for key, value in batch.items()}
    for network in ("model", "discriminator"):
        assert torch.isfinite(learner.step(one, network)["loss"])


def test_half_precision_scores_are_judged_in_float32():
    learner = adversarial(nn.Conv2d(3, 3, 1), precision="bf16")
    batch = a_batch()
    for network in ("model", "discriminator"):
        assert all(v.dtype == torch.float32 for v in learner.step(batch, network).values())


def test_an_unknown_discriminator_is_named_with_a_proposal():
    with pytest.raises(ConfigError, match=r"LEARNER.ARGS.discriminator.*SRGANDiscriminator"):
        adversarial(nn.Conv2d(3, 3, 1), discriminator={"NAME": "SRGANDiscriminater"})


def test_a_weight_below_zero_and_one_that_is_no_number_are_refused():
    for weight in (-1.0, math.nan, "1e-3x"):
        with pytest.raises((ValueError, TypeError)):
            adversarial(nn.Conv2d(3, 3, 1), weight=weight)


def a_run(folder, rng, name, epochs):
    """Five patches in batches of two: the last one of an epoch is alone."""
    for split in ("train", "val"):
        for number in range(5 if split == "train" else 1):
            picture = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            if not (path := folder / split / f"{number}.png").exists():
                write_image(path, picture)
    return from_dict(
        {
            "OUTPUT_DIR": str(folder / name),
            "DEVICE": "cpu",
            "LEARNER": {"NAME": "Adversarial", "ARGS": {"discriminator": PATCHES}},
            "MODEL": {"NAME": "TinySRGAN", "ARGS": {"scale": 2}},
            "LOSSES": {"pixel": {"NAME": "L1"}},
            "DATASETS": {
                "TRAIN": {"NAME": "CleanFolder", "ARGS": {"folder": str(folder / "train")}},
                "VAL": {"NAME": "CleanFolder", "ARGS": {"folder": str(folder / "val")}},
            },
            "DATA": {
                "TRANSFORMS": [{"NAME": "RandomFlip"}],
                "DEGRADATIONS": [{"NAME": "Bicubic", "ARGS": {"scale": 2}}],
                "BATCH_SIZE": 2,
                "WORKERS": 0,
            },
            "SOLVER": {
                "EPOCHS": epochs,
                "NETWORKS": {"discriminator": {"LR": 4e-4, "OPTIMIZER": {"NAME": "AdamW"}}},
            },
            "METRICS": {"psnr": {"NAME": "PSNR"}},
            "LOG": {"PERIOD": 1},
        }
    )


def test_a_resumed_run_ends_with_the_same_bits_of_both_networks(tmp_path, rng):
    Trainer(a_run(tmp_path, rng, "whole", 2)).train()
    Trainer(a_run(tmp_path, rng, "parts", 1)).train()
    Trainer(a_run(tmp_path, rng, "parts", 2), resume=True).train()
    whole, parts = (
        load_checkpoint(tmp_path / name / "checkpoints" / "last.pt") for name in ("whole", "parts")
    )
    for state in (whole, parts):
        state.pop("config")
    assert_same(whole, parts)
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    steps = [row for row in map(json.loads, lines) if row["kind"] == "step"]
    assert len(steps) == 6
    expected = {"loss", "adversarial", "gradient", "discriminator/loss", "discriminator/real"}
    assert expected | {"discriminator/gradient"} <= set(steps[0])
