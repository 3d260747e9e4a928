import json

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from engine.scoring import pair_pictures, score_folders, scoring_metrics
from utils.errors import DataError, ImageError, PellucidError
from utils.images import write_image


@pytest.fixture
def folders(tmp_path, rng):
    """Three pairs; one is gray, one has another suffix, all 24x30."""
    pictures = {}
    for index, name in enumerate(("a", "b x4", "ç")):
        channels = 1 if name == "ç" else 3
        target = rng.integers(0, 256, (24, 30, channels), dtype=np.uint8)
        output = np.clip(target + rng.integers(-9, 9, target.shape), 0, 255).astype(np.uint8)
        write_image(tmp_path / "output" / f"{name}.png", output)
        write_image(tmp_path / "target" / f"{name}.{'tif' if index else 'png'}", target)
        pictures[name] = output, target
    return tmp_path / "output", tmp_path / "target", pictures


def test_figures_per_picture_and_mean(folders):
    output, target, pictures = folders
    report = score_folders(output, target, scoring_metrics(["psnr", "ssim", "l1"], crop_border=2))
    json.dumps(report, allow_nan=False)
    assert [row["name"] for row in report["images"]] == ["a", "b x4", "ç"]
    for row in report["images"]:
        a, b = (image[2:-2, 2:-2] for image in pictures[row["name"]])
        assert row["psnr"] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255), abs=1e-4)
        ssim = structural_similarity(
            a,
            b,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=2,
        )
        assert row["ssim"] == pytest.approx(ssim, abs=1e-4)
    for name in ("psnr", "ssim", "l1"):
        mean = np.mean([row[name] for row in report["images"]])
        assert report["mean"][name] == pytest.approx(mean)
    protocol = report["protocol"]
    assert protocol["pictures"] == 3 and protocol["colors"] == {"RGB": 2, "gray": 1}
    assert protocol["metrics"]["psnr"]["crop_border"] == 2


def test_equal_pictures_are_valid_json(folders):
    _, target, _ = folders
    report = score_folders(target, target, scoring_metrics(["psnr", "l1"], y_channel=True))
    assert report["mean"] == {"psnr": "inf", "l1": 0.0}
    assert float(json.loads(json.dumps(report, allow_nan=False))["mean"]["psnr"]) == np.inf


def test_gray_against_color_counts_as_color(tmp_path, rng):
    gray = rng.integers(0, 256, (20, 20, 1), dtype=np.uint8)
    write_image(tmp_path / "gray" / "a.png", gray)
    write_image(tmp_path / "color" / "a.png", np.repeat(gray, 3, axis=2))
    report = score_folders(tmp_path / "gray", tmp_path / "color", scoring_metrics(["l1"]))
    assert report["mean"]["l1"] == 0 and report["protocol"]["colors"] == {"RGB": 1}


def test_sixteen_bits_are_rounded_to_eight(tmp_path, rng):
    eight = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    near = eight.astype(np.int64) * 257 + rng.integers(-128, 129, eight.shape)
    write_image(tmp_path / "deep" / "a.png", near.clip(0, 65535).astype(np.uint16))
    write_image(tmp_path / "eight" / "a.png", eight)
    report = score_folders(tmp_path / "deep", tmp_path / "eight", scoring_metrics(["l1"]))
    assert report["mean"]["l1"] == 0


def test_missing_and_extra_are_named(folders):
    output, target, _ = folders
    (output / "a.png").rename(output / "other.png")
    with pytest.raises(DataError) as caught:
        pair_pictures(output, target)
    assert "a.png" in str(caught.value) and "other.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_missing_are_counted(folders):
    output, target, _ = folders
    for index in range(8):
        write_image(target / f"n{index}.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(DataError, match="n0.png, .*n4.png and 3 more"):
        pair_pictures(output, target)


def test_mis_sized_is_named_before_any_is_scored(folders):
    output, target, _ = folders
    write_image(output / "ç.png", np.zeros((24, 31, 1), np.uint8))
    with pytest.raises(ImageError, match=r"ç\.png is 31x24 px, .*ç\.tif 30x24 px"):
        pair_pictures(output, target)


def test_two_of_one_stem(folders):
    output, target, _ = folders
    write_image(output / "a.jpg", np.zeros((24, 30, 3), np.uint8))
    with pytest.raises(DataError, match=r"a\.jpg and a\.png share"):
        pair_pictures(output, target)


def test_nothing_to_score(tmp_path, folders):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no pictures"):
        pair_pictures(folders[0], empty)
    with pytest.raises(ImageError, match="no such folder"):
        pair_pictures(folders[0], tmp_path / "nowhere")


def test_too_small_names_the_picture(tmp_path):
    write_image(tmp_path / "tiny.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ImageError, match=r"tiny\.png: SSIM needs 11x11"):
        score_folders(tmp_path, tmp_path, scoring_metrics(["ssim"]))


def test_unknown_metric():
    with pytest.raises(PellucidError, match="did you mean PSNR"):
        scoring_metrics(["pnsr"])
