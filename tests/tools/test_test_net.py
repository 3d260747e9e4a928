"""tools/test_net.py: a table with the input's own row, checked against scikit-image."""

import csv

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from config import load_config
from engine.checkpoint import save_weights
from modeling.build import build_model
from tools.test_net import build_parser, main
from utils.command_line import run_tool
from utils.images import read_image, write_image

CONFIG = """
OUTPUT_DIR: {folder}/run
DEVICE: cpu
MODEL: {{NAME: UNet, ARGS: {{channels: 1, widths: [4, 4]}}}}
LOSSES: {{pixel: {{NAME: L1}}}}
DATASETS:
  VAL: {{NAME: PairedFolders, ARGS: {{input: {folder}/val/in, target: {folder}/val/out}}}}
DATA: {{CHANNELS: 1, WORKERS: 0}}
VALIDATION: {{SAMPLES: 3}}
METRICS:
  l1: {{NAME: L1}}
  psnr: {{NAME: PSNR, ARGS: {{crop_border: 2}}}}
"""


@pytest.fixture
def run(tmp_path, rng):
    """A config file with a validation set of five pairs, and a test set of two beside it."""
    for split, count in (("val", 5), ("test", 2)):
        for i in range(count):
            target = rng.integers(0, 200, (24 + i, 32, 1), dtype=np.uint8)
            write_image(tmp_path / split / "in" / f"{i}.png", target + 10 * (i + 1))
            write_image(tmp_path / split / "out" / f"{i}.png", target)
    (tmp_path / "config.yml").write_text(CONFIG.format(folder=tmp_path))
    return tmp_path


def save(path, config):
    """Weights of a network that has learnt nothing: it starts as the identity."""
    cfg = load_config(config)
    save_weights(path, build_model(cfg), cfg, {})


def run_on(folder, *words):
    return run_tool(main, build_parser(), ["--config-file", str(folder / "config.yml"), *words])


def test_table_csv_and_sheets(run, capsys):
    save(run / "run" / "checkpoints" / "best.safetensors", run / "config.yml")
    assert run_on(run) == 0
    out = capsys.readouterr().out
    # Five constant differences of 10 (i + 1), whatever the border.
    psnr = [20 * np.log10(255 / (10 * (i + 1))) for i in range(5)]
    lines = out.splitlines()
    assert lines[0].split() == ["l1", "↓", "psnr", "↑", "parameters", "s/picture"]
    for line, name in ((lines[2], "input"), (lines[3], "UNet")):
        assert line.split()[:3] == [name, f"{30 / 255:.4f}", f"{np.mean(psnr):.2f}"]
    assert float(lines[3].split()[4]) > 0
    for fact in ("5 pictures of VAL PairedFolders", "read as gray", "crop_border 2", "float32"):
        assert fact in out
    assert "no output was rescaled" in out and "do not say how they were picked" in out
    assert "median of 10 runs on pictures of 32x24 to 32x28 px, batch 1" in out
    folder = run / "run" / "test"
    with (folder / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [float(row["psnr"]) for row in rows] == pytest.approx(psnr)
    assert [float(row["input_psnr"]) for row in rows] == pytest.approx(psnr)
    assert (folder / "samples_1.png").stat().st_size > 0
    assert (folder / "table.txt").read_text().splitlines()[0] == lines[0]


def test_other_weights_and_a_test_set(run, capsys):
    save(run / "other.safetensors", run / "config.yml")
    words = ["DATASETS.TEST.NAME", "PairedFolders", "--weights", str(run / "other.safetensors")]
    words += ["DATASETS.TEST.ARGS.input", str(run / "test" / "in")]
    words += ["DATASETS.TEST.ARGS.target", str(run / "test" / "out")]
    assert run_on(run, *words) == 0
    out = capsys.readouterr().out
    assert "2 pictures of TEST PairedFolders" in out
    flat = np.zeros((8, 8), np.uint8)
    psnr = np.mean([peak_signal_noise_ratio(flat, flat + shift) for shift in (10, 20)])
    assert f"{psnr:.2f}" in out.splitlines()[3]


BASELINES = "{gamma: {NAME: Gamma, ARGS: {exponent: 0.5}}, equal: {NAME: HistogramEqualization}}"


def test_several_weights_and_baselines_in_one_table(run, capsys):
    """Each file's model is its own; a file that states none belongs to the config's."""
    small = load_config(run / "config.yml", ["MODEL.ARGS.widths", "[4, 8]"])
    picked = {"epoch": 3, "tracked": "psnr"}
    save_weights(run / "small.safetensors", build_model(small), small, picked)
    torch.save(build_model(load_config(run / "config.yml")).state_dict(), run / "other.pth")
    files = [str(run / name) for name in ("small.safetensors", "other.pth")]
    assert run_on(run, "--weights", *files, "BASELINES", BASELINES) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[2:7]}
    assert list(rows) == ["input", "gamma", "equal", "small", "other"]
    assert rows["input"] == rows["small"][:2] == rows["other"][:2] != rows["gamma"][:2]
    assert rows["gamma"][2] == "0" and rows["small"][2] != rows["other"][2]
    assert "small.safetensors, of epoch 3, picked by psnr on VAL PairedFolders (input" in out
    assert "other: weights" in out and "do not say how they were picked" in out
    assert "gamma: as built: Gamma (exponent 0.5)" in out
    with (run / "run" / "test" / "images.csv").open() as file:
        first = next(csv.DictReader(file))
    target, brighter = (read_image(run / "val" / half / "0.png") for half in ("out", "in"))
    lifted = np.rint(np.sqrt(brighter / 255) * 255)
    expected = np.abs(lifted - target).mean() / 255
    assert float(first["gamma_l1"]) == pytest.approx(expected, abs=1e-6)
    assert float(first["small_l1"]) == float(first["input_l1"]) == pytest.approx(10 / 255)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "best.safetensors: there are no such weights; train with"),
        (["--weights", "w", "METRICS", "{}"], "METRICS"),
        (["--weights", "other", "MODEL.ARGS.widths", "[4, 8]"], "does not fit UNet"),
        (["--weights", "other", "other"], "two rows of the table would be called 'other'"),
        (["--weights", "other", "w"], "w: there are no such weights"),
        (["--weights", "other", "DATA.CHANNELS", "3"], "DATA.CHANNELS: is 3, but UNet takes 1"),
        (["--weights", "other", "BASELINES", "{a: {NAME: UNet}}"], "a.NAME: UNet needs weights"),
        (["--weights", "other", "BASELINES", "{input: {NAME: Gamma}}"], "be called 'input'"),
    ],
)
def test_refusals(run, capsys, words, says):
    save(run / "other.safetensors", run / "config.yml")
    words = [str(run / "other.safetensors") if word == "other" else word for word in words]
    assert run_on(run, *words) == 2
    assert says in capsys.readouterr().err
    assert not (run / "run").exists()


def test_missing_targets_are_named(run, capsys):
    save(run / "other.safetensors", run / "config.yml")
    (run / "val" / "out" / "3.png").unlink()
    assert run_on(run, "--weights", str(run / "other.safetensors")) == 2
    error = capsys.readouterr().err
    assert "val" in error
    assert "3.png" in error


@pytest.mark.usefixtures("no_download")
def test_lpips_without_weights(run, capsys):
    """An error of a single model, a left-out column with a note where models are compared."""
    save(run / "other.safetensors", run / "config.yml")
    words = ["--weights", str(run / "other.safetensors"), "METRICS.lpips.NAME", "LPIPS"]
    assert run_on(run, *words) == 2
    error = capsys.readouterr().err
    assert "METRICS.lpips: torchvision's alexnet weights are not at hand" in error
    assert "ARGS.weights FILE" in error and not (run / "run").exists()
    assert run_on(run, *words, "BASELINES", BASELINES) == 0
    out = capsys.readouterr().out
    assert "lpips" not in out.splitlines()[0] and "psnr" in out.splitlines()[0]
    assert "lpips: left out; METRICS.lpips: torchvision's alexnet weights are not at hand" in out
    only = "{psnr: {NAME: LPIPS}}"
    assert run_on(run, *words[:2], "BASELINES", BASELINES, "METRICS", only) == 2
    # A file that is named must be there, however many models there are.
    words += ["METRICS.lpips.ARGS.weights", "none.pth", "BASELINES", BASELINES]
    assert run_on(run, *words) == 2
    assert "none.pth: there is no such weights file" in capsys.readouterr().err
