from pathlib import Path

import numpy as np

from tests import forks
from utils.images import write_image

CONFIG = """
MODEL: {NAME: GlareNet}
DATASETS:
  TRAIN: {NAME: CleanFolder, ARGS: {folder: train}}
  VAL: {NAME: CleanFolder, ARGS: {folder: val}}
"""


def run(*words: object, cwd: Path) -> forks.Ended:
    return forks.run("check_data", "--config-file", "c.yml", *words, folder=cwd)


def test_exit_codes_and_what_is_printed(tmp_path, rng):
    (tmp_path / "c.yml").write_text(CONFIG)
    for split in ("train", "val"):
        for number in range(2):
            picture = np.kron(rng.integers(0, 256, (9, 12, 3)), np.ones((8, 8, 1)))
            path = tmp_path / split / f"{split}_{number}.png"
            write_image(path, picture.astype(np.uint8))
    clean = run("--thorough", cwd=tmp_path)
    assert clean.returncode == 0, clean.stderr
    assert clean.stdout == "train: 2 files: clean\nval: 2 files: clean\n"
    assert clean.stderr == ""  # no bar where no terminal is

    write_image(tmp_path / "val/copy.png", picture.astype(np.uint8)[:, ::-1])
    write_image(tmp_path / "train/original.png", picture.astype(np.uint8))
    (tmp_path / "train/train_0.png").write_bytes(b"")
    found = run("--thorough", "DATASETS.VAL.ARGS.include", "copy*", cwd=tmp_path)
    assert found.returncode == 1, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0] == "train: train/train_0.png: the file is empty"
    assert lines[1].startswith("val: val/copy.png: shows the same as train's train/original.png")
    assert lines[2:] == [
        "train: 3 files: 1 unreadable",
        "val: 1 files: 1 copy of a training picture",
    ]

    wrong = run("DATASETS.VAL.ARGS.folder", "nowhere", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: val: there is no folder nowhere")
