import csv
import io

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from config import from_dict
from engine.checkpoint import save_weights
from engine.sr_benchmark import as_csv, as_markdown, run_benchmark
from modeling.build import build_model
from utils.errors import ConfigError, DataError
from utils.images import write_image
from utils.resampling import resize_bicubic

CPU = torch.device("cpu")


def weights(folder, name, scale):
    cfg = from_dict(
        {"MODEL": {"NAME": "TinySRGAN", "ARGS": {"scale": scale, "output": "residual"}}}
    )
    torch.manual_seed(0)
    save_weights(folder / f"{name}.safetensors", build_model(cfg), cfg, {})
    return folder / f"{name}.safetensors"


def luma(rgb):
    """BT.601 in studio swing, rounded, as MATLAB's rgb2ycbcr gives it for 8 bit."""
    return np.round(rgb.astype(np.float64) @ [65.481, 128.553, 24.966] / 255 + 16)


def test_the_bicubic_row_is_scikit_images_psnr_of_matlabs_bicubic(tmp_path, rng):
    coarse = rng.integers(0, 256, (9, 11, 3)).astype(np.float32) / 255
    picture = (resize_bicubic(coarse, 51, 62).clip(0, 1) * 255).round().astype(np.uint8)
    write_image(tmp_path / "Set5" / "one.png", picture)
    found = run_benchmark([weights(tmp_path, "tiny", 2)], tmp_path, None, CPU)
    cropped = picture[:50, :62]
    small = (resize_bicubic(cropped.astype(np.float32) / 255, 25, 31).clip(0, 1) * 255).round()
    large = (resize_bicubic(small / 255, 50, 62).clip(0, 1) * 255).round()
    expected = peak_signal_noise_ratio(
        luma(cropped[2:-2, 2:-2]), luma(large[2:-2, 2:-2]), data_range=255
    )
    assert [row.network for row in found.rows] == ["bicubic", "tiny"]
    assert found.rows[0].figures["psnr"] == pytest.approx(expected, abs=1e-3)
    assert "crop_border 2" in " ".join(found.protocol)
    assert "lpips: left out; --lpips-net measures it" in found.protocol


def test_tables_hold_every_row_and_mark_what_is_published(tmp_path, rng):
    for name in ("Set5", "Set14"):
        picture = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        write_image(tmp_path / name / "one.png", picture)
    found = run_benchmark([weights(tmp_path, "tiny", 4)], tmp_path, None, CPU)
    lines = list(csv.DictReader(io.StringIO(as_csv(found))))
    ours = [(line["set"], line["network"]) for line in lines if line["source"] == "measured"]
    assert ours == [(s, n) for s in ("Set5", "Set14") for n in ("bicubic", "tiny")]
    theirs = [line for line in lines if line["source"].startswith("published")]
    assert ("Set5", "EDSR", "32.46") in {(x["set"], x["network"], x["psnr"]) for x in theirs}
    assert len(as_markdown(found).splitlines()) >= len(lines)


def test_published_bicubic_is_reproduced(shared_dir, tmp_path):
    (tmp_path / "Set5").symlink_to(shared_dir / "data" / "sr" / "Set5")
    found = run_benchmark([weights(tmp_path, "tiny", 4)], tmp_path, None, CPU)
    bicubic = found.rows[0]
    assert bicubic.figures["psnr"] == pytest.approx(28.42, abs=0.02)
    assert bicubic.figures["ssim"] == pytest.approx(0.8104, abs=0.001)


def test_what_cannot_be_one_table_is_refused(tmp_path):
    both = [weights(tmp_path, "two", 2), weights(tmp_path, "four", 4)]
    with pytest.raises(DataError, match="none of Set5, Set14, BSD100, Urban100"):
        run_benchmark(both, tmp_path, None, CPU)
    (tmp_path / "Set5").mkdir()
    with pytest.raises(ConfigError, match="differ in scale"):
        run_benchmark(both, tmp_path, None, CPU)
