"""Data sets spoilt in one known way each: the doctor must say just that."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from config import Config, get_defaults
from data import DATASETS
from data.build import build_loader
from data.doctor import Kind, examine, refuse_findings
from utils.errors import ConfigError, DataError


@DATASETS.register
class Invented:
    """A plug-in's data set that states no files."""

    def __init__(self, *, channels, split):
        self.channels = channels

    def __len__(self):
        return 2

    def read(self, index, rng):
        picture = np.full((16, 16, self.channels), index, np.uint8)
        return {"input": picture, "target": picture, "name": str(index)}


def picture(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def write(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


@pytest.fixture
def cfg(tmp_path) -> Config:
    """Three sound pairs to train on and two to validate on."""
    cfg = get_defaults()
    for split, numbers in (("train", range(3)), ("val", range(3, 5))):
        for number in numbers:
            for half, seed in (("input", number), ("target", number + 50)):
                write(tmp_path / split / half / f"{number}.png", picture(seed))
        spec = cfg.DATASETS[split.upper()]
        spec.NAME = "PairedFolders"
        spec.ARGS = Config(
            input=str(tmp_path / split / "input"), target=str(tmp_path / split / "target")
        )
    return cfg


def found(cfg: Config, scale: int = 1, **options) -> list[tuple[str, str, Kind]]:
    return [(f.split, f.file.name, f.kind) for f in examine(cfg, scale, **options).findings]


def test_sound_sets_are_clean(cfg):
    report = examine(cfg, 1, thorough=True)
    assert report.findings == []
    assert report.summary() == ["train: 6 files: clean", "val: 4 files: clean"]
    refuse_findings(cfg, 1, ("train", "val"))


def test_missing_and_extra_halves(cfg, tmp_path):
    (tmp_path / "train/input/1.png").rename(tmp_path / "train/input/extra.png")
    assert found(cfg) == [("train", "1.png", Kind.PAIRING), ("train", "extra.png", Kind.PAIRING)]
    with pytest.raises(DataError, match=r"train: .*1.png: has no input 1.\*"):
        build_loader(cfg, "train", "cpu")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_test_pictures_that_pick_the_best_weights_are_told(cfg, tmp_path, suffix):
    image = np.kron(picture(9, 8, 8), np.ones((6, 6, 1), np.uint8))
    for place in ("val/target/3.png", "val/input/3.png"):
        write(tmp_path / place, image)
    for half in ("input", "target"):
        write(tmp_path / "test" / half / f"new{suffix}", image)
    cfg.DATASETS.TEST.NAME = "PairedFolders"
    cfg.DATASETS.TEST.ARGS = Config(
        input=str(tmp_path / "test/input"), target=str(tmp_path / "test/target")
    )
    told = found(cfg, thorough=True)
    assert ("test", f"new{suffix}", Kind.VALIDATED) in told
    assert {kind for _, _, kind in told} == {Kind.VALIDATED}
    refuse_findings(cfg, 1, ("train", "val", "test"))


def test_files_that_are_no_pictures(cfg, tmp_path):
    (tmp_path / "val/input/3.png").write_bytes(b"")
    (tmp_path / "val/target/4.png").write_text("a text")
    Image.new("CMYK", (32, 24)).save(tmp_path / "train/target/0.png", "JPEG")
    report = examine(cfg, 1)
    told = {finding.file.name: str(finding) for finding in report.findings}
    assert told["3.png"] == f"val: {tmp_path / 'val/input/3.png'}: the file is empty"
    assert "is not a PNG" in told["4.png"] and "CMYK" in told["0.png"]
    assert {finding.kind for finding in report.findings} == {Kind.UNREADABLE}
    assert report.summary()[0] == "train: 6 files: 1 unreadable"


@pytest.mark.parametrize("decode", [False, True])
def test_a_link_to_a_file_that_is_gone_is_told(cfg, tmp_path, decode):
    for half in ("input", "target"):
        (tmp_path / "train" / half / "9.png").symlink_to(tmp_path / "gone.png")
    findings = examine(cfg, 1, decode=decode).findings
    assert [finding.file.name for finding in findings] == ["9.png", "9.png"]
    assert all("No such file" in finding.what for finding in findings)


def test_a_split_without_a_name_is_told(cfg):
    cfg.DATASETS.TRAIN.NAME = ""
    assert examine(cfg, 1).summary() == [
        "val: 4 files: clean",
        "train: DATASETS.TRAIN.NAME is empty: nothing was checked",
    ]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_files_are_found_by_decoding(cfg, tmp_path, suffix):
    path = tmp_path / "train/target/2.png"
    whole = cv2.imencode(suffix, picture(9))[1].tobytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    assert found(cfg) == []
    assert found(cfg, decode=True) == [("train", "2.png", Kind.UNREADABLE)]


@pytest.mark.parametrize(("height", "width"), [(24, 31), (48, 64), (23, 32)])
def test_pairs_of_unequal_size(cfg, tmp_path, height, width):
    write(tmp_path / "val/target/4.png", picture(1, height, width))
    (finding,) = examine(cfg, 1).findings
    assert (finding.split, finding.file.name) == ("val", "4.png")
    assert finding.what.startswith(f"is {width}x{height}, not of equal size with its input ")
    assert finding.what.endswith("val/input/4.png (32x24)")


def test_the_scale_is_the_architecture_s(cfg, tmp_path):
    for split, number in (("train", 0), ("train", 1), ("train", 2), ("val", 3)):
        write(tmp_path / split / f"target/{number}.png", picture(number, 48, 64))
    assert found(cfg, scale=2) == [("val", "4.png", Kind.SIZE)]
    assert len(found(cfg, scale=4)) == 5


def test_degradations_must_have_the_architecture_s_scale(cfg, tmp_path):
    cfg.DATASETS.TRAIN = Config(
        NAME="CleanFolder", ARGS=Config(folder=str(tmp_path / "train/target"))
    )
    cfg.DATA.DEGRADATIONS = [Config(NAME="Bicubic", ARGS=Config(scale=2))]
    assert found(cfg, scale=2, splits=("train",)) == []
    with pytest.raises(ConfigError, match="^DATA.DEGRADATIONS: .* 2 times smaller.* 4 times$"):
        examine(cfg, 4)


def test_broken_files_are_told_where_small_ones_are_left_out(cfg, tmp_path):
    folder = tmp_path / "train/target"
    cfg.DATASETS.TRAIN = Config(NAME="CleanFolder", ARGS=Config(folder=str(folder), min_size=24))
    (folder / "1.png").write_bytes(b"")
    write(folder / "small.png", picture(9, 20, 20))
    assert found(cfg, splits=("train",)) == [("train", "1.png", Kind.UNREADABLE)]


def test_upright_sizes_are_compared(cfg, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(picture(9, 32, 24))  # stored 24 wide, seen 32 wide
    turned.save(tmp_path / "train/target/0.png", "JPEG", exif=exif)
    assert found(cfg) == []


def test_unequal_panels_and_a_scale_that_panels_cannot_have(cfg, tmp_path):
    cfg.DATASETS.TRAIN = Config(NAME="StitchedPanels", ARGS=Config(folder=str(tmp_path / "st")))
    write(tmp_path / "st/good.png", picture(5, 8, 24))
    write(tmp_path / "st/wide.png", picture(6, 8, 25))
    assert found(cfg, splits=("train",)) == [("train", "wide.png", Kind.SIZE)]
    assert "but the model enlarges 2 times" in str(examine(cfg, 2, ("train",)).findings[0])


def test_crops_larger_than_a_training_picture(cfg, tmp_path):
    cfg.DATA.TRANSFORMS = [Config(NAME="RandomCrop", ARGS=Config(size=24))]
    for half in ("input", "target"):
        write(tmp_path / f"train/{half}/small.png", picture(7, 23, 40))
        write(tmp_path / f"val/{half}/small.png", picture(8, 10, 10))
    (finding,) = [f for f in examine(cfg, 1).findings if f.kind == Kind.SIZE]
    assert finding.what == (
        "is 40x23, smaller than the 24 pixels that DATA.TRANSFORMS.0 RandomCrop cuts out"
    )
    cfg.DATA.TRANSFORMS.insert(0, Config(NAME="RandomScaleCrop", ARGS=Config(size=64)))
    assert not [f for f in examine(cfg, 1).findings if f.kind == Kind.SIZE]


def test_depths_and_channels_unlike_the_rest(cfg, tmp_path):
    write(tmp_path / "train/target/1.png", picture(1).astype(np.uint16) * 257)
    write(tmp_path / "train/target/2.png", picture(2)[..., 0])
    assert set(found(cfg)) == {
        ("train", "1.png", Kind.MIXED),
        ("train", "2.png", Kind.CHANNELS),
        ("train", "2.png", Kind.MIXED),
    }
    told = [str(finding) for finding in examine(cfg, 1).findings]
    assert any("is 16 bit, where 2 of 3 are 8 bit" in line for line in told)
    assert any("is gray, its input" in line for line in told)
    cfg.DATA.CHANNELS = 1  # then all is read as gray
    assert {kind for _, _, kind in found(cfg)} == {Kind.MIXED}


def test_mixed_sets_are_told_but_not_refused(cfg, tmp_path):
    for half in ("input", "target"):
        write(tmp_path / f"train/{half}/1.png", picture(1)[..., 0])
    assert {kind for _, _, kind in found(cfg)} == {Kind.MIXED}
    refuse_findings(cfg, 1, ("train", "val"))


def test_equal_bytes_under_another_name(cfg, tmp_path):
    (tmp_path / "val/target/3.png").write_bytes((tmp_path / "train/target/2.png").read_bytes())
    (finding,) = examine(cfg, 1).findings
    assert (finding.split, finding.file.name, finding.kind) == ("val", "3.png", Kind.SHARED)
    assert str(tmp_path / "train/target/2.png") in finding.what
    with pytest.raises(DataError) as caught:
        refuse_findings(cfg, 1, ("train", "val"))
    assert str(finding) in str(caught.value) and "tools/check_data.py" in str(caught.value)


def test_the_test_split_is_compared_too(cfg):
    cfg.DATASETS.TEST = cfg.DATASETS.TRAIN
    assert [split for split, _, _ in found(cfg)] == ["test"] * 6


def test_a_refusal_lists_the_first_ten(cfg, tmp_path):
    for number in range(20, 33):
        write(tmp_path / f"train/input/{number}.png", picture(number))
    with pytest.raises(DataError) as caught:
        refuse_findings(cfg, 1, ("train", "val"))
    lines = str(caught.value).splitlines()
    assert lines[0] == "13 finding(s) in the data sets:" and len(lines) == 13
    assert lines[-2] == "  and 3 more"


def test_unreadable_training_files_within_the_bound_are_allowed(cfg, tmp_path):
    for number in (0, 1):
        (tmp_path / f"train/input/{number}.png").write_bytes(b"")
    for bound, refused in ((0, True), (1, True), (2, False)):
        cfg.DATA.MAX_UNREADABLE = bound
        if refused:
            with pytest.raises(DataError, match="2 finding"):
                refuse_findings(cfg, 1, ("train", "val"))
        else:
            refuse_findings(cfg, 1, ("train", "val"))
    (tmp_path / "val/input/3.png").write_bytes(b"")  # a figure is of all pictures or of none
    with pytest.raises(DataError, match="1 finding.*\n.*val: "):
        refuse_findings(cfg, 1, ("train", "val"))


def test_mixtures_descend_and_plugins_are_told_as_unchecked(cfg, tmp_path):
    parts = [
        {"NAME": "PairedFolders", "ARGS": dict(cfg.DATASETS.TRAIN.ARGS)},
        {"NAME": "Invented"},
    ]
    cfg.DATASETS.TRAIN = Config(NAME="Mixture", ARGS=Config(parts=parts))
    (tmp_path / "train/target/0.png").write_bytes(b"")
    report = examine(cfg, 1)
    assert [(f.split, f.file.name) for f in report.findings] == [("train", "0.png")]
    assert report.unchecked == ["train: Invented"]
    assert "train: Invented states no files" in report.summary()[-1]


def test_nothing_to_examine(cfg):
    for split in ("TRAIN", "VAL"):
        cfg.DATASETS[split].NAME = ""
    with pytest.raises(ConfigError, match="DATASETS.TRAIN.NAME"):
        examine(cfg, 1)


def test_a_jpeg_with_bytes_behind_its_end_is_sound(cfg, tmp_path):
    stream = io.BytesIO()
    Image.fromarray(picture(9)).save(stream, "JPEG")
    (tmp_path / "train/target/0.png").write_bytes(stream.getvalue() + b"camera maker's notes")
    assert found(cfg, decode=True) == []
