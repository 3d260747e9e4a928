"""Training, measuring and using a classifier, from pictures to verdicts."""

import json
from pathlib import Path

import pytest
import torch

from data.build import build_loader
from engine.classification import ClassificationEvaluator
from engine.classification_testing import measure
from engine.detector import Detector
from engine.restorer import Restorer
from engine.trainer import Trainer
from modeling.build import build_losses
from tests.engine.small_classifier import SmallClassifier, small_config
from utils.errors import CheckpointError, ConfigError
from utils.images import read_image

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    cfg = small_config(tmp_path_factory.mktemp("classifier"))
    Trainer(cfg).train()
    return cfg, f"{cfg.OUTPUT_DIR}/checkpoints/best.safetensors"


def test_it_learns_by_the_same_trainer(trained):
    cfg, _ = trained
    rows = [json.loads(line) for line in open(f"{cfg.OUTPUT_DIR}/metrics.jsonl")]
    last = [row for row in rows if row["kind"] == "epoch"][-1]
    assert last["val/f1"] > 0.9
    assert last["val/loss"] < 0.5
    assert read_image(f"{cfg.OUTPUT_DIR}/plots/curves.png").size


def test_resuming_gives_the_same_bits(trained, tmp_path):
    cfg, _ = trained
    half = small_config(tmp_path, SOLVER={"LR": 1e-2, "EPOCHS": 1})
    Trainer(half).train()
    Trainer(small_config(tmp_path), resume=True).train()
    ends = [
        torch.load(f"{folder}/checkpoints/last.pt", weights_only=True)["networks"]["model"]
        for folder in (cfg.OUTPUT_DIR, half.OUTPUT_DIR)
    ]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_measuring_and_detecting_agree_picture_by_picture(trained):
    """What was evaluated is what is served."""
    cfg, weights = trained
    rows, text = measure(cfg)
    (row,) = rows.values()
    assert "called pixelated" in text and "24 pictures of VAL CleanFolder" in text
    detector = Detector.from_weights(weights, "cpu")
    clean = [image for image in row.images if image["label"] == 0]
    assert len(clean) == 12
    for image in clean:
        picture = read_image(f"{cfg.DATASETS.VAL.ARGS.folder}/{image['name']}.png")
        told = detector.classify(picture)
        assert told["pixelated"] == pytest.approx(image["probability"], abs=1e-6)
        assert sum(told.values()) == pytest.approx(1)


def test_figures_losses_and_baseline_are_those_of_the_pictures(trained):
    cfg, weights = trained
    model = Detector.from_weights(weights, "cpu").model.train()
    evaluator = ClassificationEvaluator(cfg, CPU, build_losses(cfg))
    found = evaluator.evaluate(model, build_loader(cfg, "val", CPU))
    assert model.training
    right = [(image["probability"] > 0.5) == image["label"] for image in found.images]
    assert found.metrics["accuracy"] == pytest.approx(sum(right) / len(right))
    assert found.input_metrics == {"f1": 0, "accuracy": 0.5}
    assert found.input_name == "always clean"
    own = [p if label else 1 - p for _, label, p in (image.values() for image in found.images)]
    expected = -torch.tensor(own, dtype=torch.float64).log().mean().item()
    assert found.losses["cross_entropy"] == pytest.approx(expected, rel=1e-4)
    assert found.losses["loss"] == found.losses["cross_entropy"]


def test_two_processes_measure_what_one_does(trained, start_processes, tmp_path):
    cfg, weights = trained
    reports = []
    for count in (1, 2):
        words = ["--weights", weights, "--config-file", Path(cfg.OUTPUT_DIR) / "config.yml"]
        words += ["PLUGINS", "[tests.engine.small_classifier]", "OUTPUT_DIR", f"test{count}"]
        for run in start_processes("test_net", words, count, tmp_path):
            ended = run.wait()
            assert ended.returncode == 0, ended.stderr
        folder = tmp_path / f"test{count}" / "test"
        reports.append([(folder / name).read_text() for name in ("table.txt", "images.csv")])
    assert reports[0] == reports[1]
    assert len(reports[0][1].splitlines()) == 1 + 24


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"LEARNER": {"NAME": "Supervised"}}, r"LEARNER\.NAME: Supervised learns from a target"),
        (
            {"MODEL": {"NAME": "EDSR"}, "METRICS": {"f1": {"NAME": "PSNR"}}},
            r"DATA\.LABELLER\.NAME: MODEL EDSR is no classifier",
        ),
        ({"LOSSES": {"own": {"NAME": "L1"}}}, r"LOSSES\.own\.NAME: L1 learns from a target"),
        ({"METRICS": {"f1": {"NAME": "PSNR"}}}, r"METRICS\.f1\.NAME: no classification metric"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        Trainer(small_config(tmp_path, **changes))


def test_architectures_beside_a_classifier_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="BASELINES: are architectures"):
        measure(small_config(tmp_path, BASELINES={"sharp": {"NAME": "Sharpen"}}))


def test_other_classes_than_the_labellers_are_refused(tmp_path, monkeypatch):
    descriptor = SmallClassifier.descriptor.__class__(classes=("cat", "dog"))
    monkeypatch.setattr(SmallClassifier, "descriptor", descriptor)
    with pytest.raises(ConfigError, match=r"Pixelation labels .*SmallClassifier tells .*'cat'"):
        Trainer(small_config(tmp_path))


def test_weights_of_the_other_kind_are_refused(trained):
    _, weights = trained
    with pytest.raises(CheckpointError, match="SmallClassifier tells what a picture is"):
        Restorer.from_weights(weights, "cpu")
    with pytest.raises(CheckpointError, match="GlareNet, which restores"):
        Detector.from_weights(ROOT / "weights" / "glare_unet.safetensors", "cpu")
