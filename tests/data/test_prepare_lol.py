"""LOL's layouts, and everything that can be wrong with a download."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data.prepare_lol import prepare_lol
from utils.errors import DataError
from utils.images import read_image, write_image


def scene(seed: int) -> np.ndarray:
    """A picture of 36x24 pixels that is like no other."""
    blocks = np.random.default_rng(seed).integers(60, 256, (6, 9, 3), np.uint8)
    return blocks.repeat(4, axis=0).repeat(4, axis=1)


def put(low: Path, high: Path, seed: int) -> None:
    write_image(low, scene(seed) // 8)
    write_image(high, scene(seed))


@pytest.fixture
def v1(tmp_path):
    """LOL-v1's layout: three pairs to train, two to test."""
    root = tmp_path / "download" / "LOLdataset"
    for split, names in (("our485", "2 5 10"), ("eval15", "1 22")):
        for name in names.split():
            put(*(root / split / half / f"{name}.png" for half in ("low", "high")), int(name))
    return root


@pytest.fixture
def v2(tmp_path):
    """LOL-v2's layout: two sets."""
    root = tmp_path / "download" / "LOL-v2"
    for split, numbers in (("Train", (1, 2)), ("Test", (690,))):
        for number in numbers:
            place = root / "Real_captured" / split
            put(place / f"Low/low{number:05}.png", place / f"Normal/normal{number:05}.png", number)
            place = root / "Synthetic" / split
            put(place / f"Low/r{number}t.png", place / f"Normal/r{number}t.png", number + 1000)
    return root


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def laid_out(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


V1 = [f"{split}/{half}/{name}.png"
      for split, names in (("test", ("1", "22")), ("train", ("10", "2", "5")))
      for half in ("high", "low") for name in names]  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["zip", "folder", "outer folder", "two zips", "bare zips", "two folders"]
)
def test_v1_from_whatever_it_came_as(v1, tmp_path, kind):
    sources = {
        "zip": lambda: [zipped(v1, tmp_path / "LOLdataset.zip")],
        "folder": lambda: [v1],
        "outer folder": lambda: [v1.parent],
        "two zips": lambda: [
            zipped(v1 / name, tmp_path / f"{name}.zip") for name in ("our485", "eval15")
        ],
        "bare zips": lambda: [
            Path(shutil.make_archive(str(tmp_path / name), "zip", v1 / name))
            for name in ("our485", "eval15")
        ],
        "two folders": lambda: [v1 / "our485", v1 / "eval15"],
    }[kind]()
    report = prepare_lol(sources, tmp_path / "datasets" / "LOL")
    assert laid_out(tmp_path / "datasets") == [f"LOL/{name}" for name in V1]
    assert report.counts == {"train": 3, "test": 2} and report.alike == []
    assert report.warnings == [
        "train/ has 3 pairs, the published set 485",
        "test/ has 2 pairs, the published set 15",
    ]
    made = tmp_path / "datasets" / "LOL"
    assert np.array_equal(read_image(made / "train/high/10.png"), scene(10))
    assert np.array_equal(read_image(made / "test/low/22.png"), scene(22) // 8)


def test_a_folder_costs_no_disk_and_keeps_its_own(v1, tmp_path):
    prepare_lol([v1], tmp_path / "LOL")
    assert (tmp_path / "LOL/train/low/2.png").samefile(v1 / "our485/low/2.png")
    assert len(laid_out(v1)) == 10


@pytest.mark.parametrize(
    ("which", "names", "published"),
    [
        ("Real_captured", ["00001", "00002", "00690"], ("689", "100")),
        ("synthetic", ["r1t", "r2t", "r690t"], ("900", "100")),
    ],
)
def test_v2_has_two_sets_whose_halves_get_one_name(v2, tmp_path, which, names, published):
    source = zipped(v2, tmp_path / "LOL-v2.zip")
    with pytest.raises(DataError, match=r"--set: LOL-v2/Real_captured, LOL-v2/Synthetic"):
        prepare_lol([source], tmp_path / "LOL")
    report = prepare_lol([source], tmp_path / "LOL", which)
    assert laid_out(tmp_path / "LOL") == sorted(
        f"{'test' if '690' in name else 'train'}/{half}/{name}.png"
        for half in ("low", "high")
        for name in names
    )
    assert [warning.split()[-1] for warning in report.warnings] == list(published)


def test_v2_under_a_name_that_is_not_there(v2, tmp_path):
    with pytest.raises(DataError, match="--set: Real_captured, Synthetic"):
        prepare_lol([v2], tmp_path / "LOL", "real")


def test_two_plain_folders_stay_so(v1, tmp_path):
    report = prepare_lol([v1 / "our485"], tmp_path / "LOL")
    assert laid_out(tmp_path / "LOL") == [
        f"{half}/{name}.png" for half in ("high", "low") for name in ("10", "2", "5")
    ]
    assert report.counts == {"": 3} and report.warnings == []


def test_what_is_laid_out_can_be_checked_again_in_place(v1, v2, tmp_path):
    prepare_lol([v1], tmp_path / "LOL")
    assert prepare_lol([tmp_path / "LOL"], tmp_path / "LOL").counts == {"train": 3, "test": 2}
    assert len(laid_out(tmp_path / "LOL")) == 10
    with pytest.raises(DataError, match="is laid out otherwise"):
        prepare_lol([v2 / "Real_captured"], v2 / "Real_captured")
    assert len(laid_out(v2)) == 12


def test_test_scenes_that_training_shows_are_named(v1, tmp_path):
    """Another exposure of a training scene, of which LOL-v2 has many."""
    darker = (read_image(v1 / "our485/high/5.png") * 0.7).astype(np.uint8)
    write_image(v1 / "eval15/high/22.png", darker)
    assert prepare_lol([v1], tmp_path / "LOL").alike == ["22"]


def spoil(v1: Path, how: str) -> None:
    low, high = v1 / "our485/low", v1 / "our485/high"
    match how:
        case "alone":
            (low / "5.png").unlink()
        case "size":
            write_image(high / "5.png", scene(5)[:, :-4])
        case "torn":
            data = (high / "5.png").read_bytes()
            (high / "5.png").write_bytes(data[: len(data) // 2])
        case "no picture":
            (low / "5.png").write_text("quota exceeded")
        case "swapped":
            low.rename(v1 / "x")
            high.rename(low)
            (v1 / "x").rename(high)
        case "twice":
            write_image(low / "5.bmp", scene(5))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("alone", r"no low picture belongs to .*our485/high/5\.png"),
        ("size", r"our485/high/5\.png: is 32x24 pixels, not 36x24 as its input .*low/5\.png"),
        ("torn", r"our485/high/5\.png"),
        ("no picture", r"our485/low/5\.png"),
        ("swapped", r"our485/low/\d+\.png: is brighter than .*swap low and high"),
        ("twice", r"our485/low/5\.png: shares its name with .*5\.bmp"),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_is_wrong_is_said_of_the_users_file(v1, tmp_path, how, told, kind):
    spoil(v1, how)
    source = v1 if kind == "folder" else zipped(v1, tmp_path / "LOL.zip")
    with pytest.raises(DataError, match=told) as caught:
        prepare_lol([source], tmp_path / "datasets" / "LOL")
    assert str(source) in str(caught.value) and "datasets" not in str(caught.value)
    assert not (tmp_path / "datasets" / "LOL").exists()
    assert list((tmp_path / "datasets").glob("*")) == []


def test_what_is_no_set(v1, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        prepare_lol([tmp_path / "none"], tmp_path / "LOL")
    with pytest.raises(DataError, match="no folder low/ beside high/"):
        prepare_lol([v1 / "our485" / "low"], tmp_path / "LOL")
    (v1 / "eval15").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="has pairs in train; a set has train and test"):
        prepare_lol([v1], tmp_path / "LOL")


def test_nothing_is_replaced_unasked(v1, tmp_path):
    prepare_lol([v1], tmp_path / "LOL")
    with pytest.raises(DataError, match="--force"):
        prepare_lol([v1 / "our485"], tmp_path / "LOL")
    prepare_lol([v1 / "our485"], tmp_path / "LOL", force=True)
    assert (tmp_path / "LOL" / "low").is_dir() and not (tmp_path / "LOL" / "train").exists()
    with pytest.raises(DataError, match="is inside"):
        prepare_lol([v1], v1.parent, force=True)


def test_real_pairs_pass(shared_dir, tmp_path):
    report = prepare_lol([shared_dir / "data/lowlight/lol_train_misc"], tmp_path / "LOL")
    assert report.counts == {"": 9}
