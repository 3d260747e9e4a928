from pathlib import Path

import cv2
import numpy as np
import skimage.data

from tests import forks
from utils.images import image_size, list_images, write_image


def run(*words: object, cwd: Path) -> forks.Ended:
    return forks.run("prepare_data", *words, folder=cwd)


def test_demo_then_sd1_from_any_folder(tmp_path):
    done = run("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    demo = tmp_path / "datasets" / "SD1_demo"
    assert len(list_images(demo / "train")) == 48
    assert len(list_images(demo / "val")) == 12
    assert list_images(demo / "samples")
    assert done.stderr == ""  # no bar where no terminal is

    checked = run("sd1", demo, cwd=tmp_path)  # the demo set bears every check of the real one
    assert checked.returncode == 0, checked.stderr
    assert "warning: train/ has 48 pictures" in checked.stderr
    assert "48 to train, 12 to validate" in checked.stdout
    assert len(list_images(tmp_path / "datasets" / "SD1" / "train")) == 48

    again = run("demo", cwd=tmp_path)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert "Traceback" not in again.stderr


def test_errors_are_one_line_and_debug_shows_more(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "raw" / split).mkdir(parents=True)
        write_image(tmp_path / "raw" / split / "1.png", np.zeros((8, 8, 3), np.uint8))
    done = run("sd1", "raw", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: raw/train/1.png: is 8x8 pixels, not 1536x512")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" in run("sd1", "raw", "--debug", cwd=tmp_path).stderr
    assert not (tmp_path / "datasets" / "SD1").exists()


def test_lol_from_two_folders(tmp_path):
    for split, name in (("our485", "a"), ("eval15", "b")):
        for half, level in (("low", 9), ("high", 200)):
            place = tmp_path / "raw" / split / half / f"{name}.png"
            place.parent.mkdir(parents=True)
            write_image(place, np.full((8, 8, 3), level, np.uint8))
    done = run("lol", "raw", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning: train/ has 1 pairs, the published set 485" in done.stderr
    assert done.stdout == "datasets/LOL: 1 train, 1 test pairs\n"
    assert len(list_images(tmp_path / "datasets/LOL/test/high")) == 1


def test_mouths_of_photographs(tmp_path, shared_dir):
    portrait = skimage.data.astronaut()[:320, 60:380]
    for number in range(3):
        large = cv2.resize(np.roll(portrait, 9 * number, axis=1), None, fx=2, fy=2)
        write_image(tmp_path / "faces" / f"{number}.png", large)
    write_image(tmp_path / "faces" / "cup.png", skimage.data.coffee())
    words = ("mouth", "faces", "--detector-model", shared_dir / "data/weights/yunet_n_640_640.onnx")
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no mouth of that size, left out: cup.png" in done.stdout
    assert "1 mouths of 1 photographs to train" in done.stdout
    files = list_images(tmp_path / "datasets" / "mouth" / "test" / "input")
    assert len(files) == 4 and {image_size(file) for file in files} == {(128, 128)}
    refused = run(*words, "--least", "500", "--force", cwd=tmp_path)
    assert refused.returncode == 2 and "too few to split" in refused.stderr
