import os
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from data.demo import stitch
from data.prepare import check_panel_order, prepare_sd1
from utils.errors import DataError
from utils.images import list_images, write_image


def panels(shift: int, rows: slice = slice(100, 300)) -> np.ndarray:
    """A stitched picture from a real photograph, moved by `shift` pixels, with light on `rows`."""
    truth = np.roll(skimage.data.astronaut(), shift, axis=1)
    glare = truth.astype(int)
    glare[rows] += 90
    return stitch(truth, np.clip(glare, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three pictures to train and two to validate; two trainings are validation pictures too."""
    root = tmp_path_factory.mktemp("made") / "SD1"
    for split in ("train", "val"):
        (root / split).mkdir(parents=True)
    for name, picture in {
        "train/1.png": panels(0),
        "train/2.png": panels(10),  # the truth of val/9.png under other light
        "train/3.png": panels(20),  # the name of another picture of val
        "val/9.png": panels(10, slice(300, 500)),
        "val/3.png": panels(30),
    }.items():
        write_image(root / name, picture)
    return root


@pytest.fixture
def source(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "download" / "SD1"))


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path("SD1") / file.relative_to(folder))
    return path


def names(folder: Path) -> list[str]:
    return [path.name for path in list_images(folder)]


@pytest.mark.parametrize("kind", ["zip", "folder", "outer folder", "in place"])
def test_pictures_that_validation_shows_too_leave_training(source, tmp_path, kind):
    output = source if kind == "in place" else tmp_path / "datasets" / "SD1"
    given = {
        "zip": lambda: zipped(source, tmp_path / "SD1.zip"),
        "folder": lambda: source,
        "outer folder": lambda: source.parent,
        "in place": lambda: source,
    }[kind]()
    report = prepare_sd1(given, output)
    assert names(output / "train") == ["1.png"]
    assert names(output / "val") == ["3.png", "9.png"]
    assert names(output / "left_out") == report.left_out == ["2.png", "3.png"]
    assert (report.same_name, report.same_truth) == (1, 1)
    assert report.counts == {"train": 1, "val": 2}
    assert len(report.warnings) == 2
    assert "12,000" in report.warnings[0]
    if kind != "in place":
        assert names(source / "train") == ["1.png", "2.png", "3.png"]  # the user's own stay
        assert names(output.parent) == []
        assert [path.name for path in output.parent.iterdir()] == ["SD1"]


def test_a_set_in_place_can_be_checked_again(source):
    prepare_sd1(source, source)
    report = prepare_sd1(source, source)
    assert report.left_out == []
    assert names(source / "left_out") == ["2.png", "3.png"]


def test_a_folder_is_linked_not_copied(source, tmp_path):
    prepare_sd1(source, tmp_path / "out")
    assert os.path.samefile(source / "train/1.png", tmp_path / "out/train/1.png")


def test_only_pictures_leave_the_zip(source, tmp_path):
    (source / "train" / "notes.txt").write_text("x")
    (source / "train" / "._1.png").write_text("what macOS adds")
    (source / "__MACOSX").mkdir()
    prepare_sd1(zipped(source, tmp_path / "SD1.zip"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "left_out",
        "train",
        "val",
    ]
    assert [path.name for path in (tmp_path / "out" / "train").iterdir()] == ["1.png"]


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "SD1\\..\\..\\evil.png", "C:/e.png"])
def test_a_zip_that_points_out_of_itself_is_refused(source, tmp_path, name):
    path = zipped(source, tmp_path / "SD1.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"evil")
    with pytest.raises(DataError, match="points out of the zip"):
        prepare_sd1(path, tmp_path / "datasets" / "SD1")
    assert list((tmp_path / "datasets").iterdir()) == []
    assert not list(tmp_path.glob("**/e*.png"))


def test_a_link_in_a_zip_is_refused(source, tmp_path):
    path = zipped(source, tmp_path / "SD1.zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("SD1/train/7.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r"7\.png"):
        prepare_sd1(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", [0.5, 0.999])
def test_a_download_cut_short_is_an_error(source, tmp_path, cut):
    path = zipped(source, tmp_path / "SD1.zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    with pytest.raises(DataError, match="download"):
        prepare_sd1(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damage_inside_a_zip_is_an_error(source, tmp_path):
    path = zipped(source, tmp_path / "SD1.zip")
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"SD1\.zip"):
        prepare_sd1(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_wrong_size_names_the_file(source, tmp_path):
    write_image(source / "val" / "4.png", np.zeros((512, 1024, 3), np.uint8))
    with pytest.raises(DataError, match=r"val/4\.png: is 1024x512") as caught:
        prepare_sd1(source, tmp_path / "out")
    assert str(source) in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_truncated_picture_names_the_file(source, tmp_path):
    data = (source / "train/1.png").read_bytes()
    (source / "train/1.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"download/SD1/train/1\.png"):
        prepare_sd1(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_a_wrong_panel_order_names_the_file(source, tmp_path, order):
    right = panels(0)
    thirds = np.split(right[..., :3], 3, axis=1)
    check_panel_order(Path("right.png"), right[..., :3])
    write_image(source / "train/1.png", np.concatenate([thirds[i] for i in order], axis=1))
    with pytest.raises(DataError, match=r"train/1\.png: its .* expected truth \| glare \| mask"):
        prepare_sd1(source, tmp_path / "out")


def test_missing_sources_and_halves_say_so(source, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        prepare_sd1(tmp_path / "none", tmp_path / "out")
    (tmp_path / "page.zip").write_text("<html>quota exceeded</html>")
    with pytest.raises(DataError, match="neither a folder nor a zip"):
        prepare_sd1(tmp_path / "page.zip", tmp_path / "out")
    shutil.rmtree(source / "val")
    with pytest.raises(DataError, match="val/"):
        prepare_sd1(source, tmp_path / "out")
    with pytest.raises(DataError, match="val"):
        prepare_sd1(source, source)


def test_two_sets_in_one_folder_are_ambiguous(source, tmp_path):
    shutil.copytree(source, source.parent / "copy")
    with pytest.raises(DataError, match="several places"):
        prepare_sd1(source.parent, tmp_path / "out")


def test_a_source_inside_the_output_is_never_removed(source):
    path = zipped(source, source.parent / "SD1.zip")
    with pytest.raises(DataError, match="inside"):
        prepare_sd1(path, source.parent, force=True)
    assert path.exists()


@pytest.mark.endurance
def test_a_set_of_the_published_size(tmp_path):
    """12,650 pictures, the files of one split links to one, plain and gray: minutes of decoding."""
    root = tmp_path / "SD1"
    for split, count, shift in (("train", 12_000, 0), ("val", 650, 256)):
        (root / split).mkdir(parents=True)
        plain = np.kron(panels(shift)[::16, ::16, :1], np.ones((16, 16, 1), np.uint8))
        write_image(tmp_path / f"{split}.png", plain)
        for index in range(count):
            os.link(tmp_path / f"{split}.png", root / split / f"{split}_{index}.png")
    report = prepare_sd1(root, tmp_path / "out")
    assert report.counts == {"train": 12_000, "val": 650}
    assert report.warnings == report.left_out == []
