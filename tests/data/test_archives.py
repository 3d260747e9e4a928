"""Files out of folders and zips; what is unsafe or damaged is tried in test_prepare.py."""

import zipfile
from pathlib import PurePosixPath

import pytest

from data.archives import bring, files_in, link_or_copy
from utils.errors import DataError


@pytest.fixture(params=["folder", "zip"])
def source(request, tmp_path):
    folder = tmp_path / "source"
    for name in ("b/2.txt", "a/1.txt", "a/deep/3.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    if request.param == "folder":
        return folder
    path = tmp_path / "source.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return path


def test_files_are_listed_and_brought_to_other_places(source, tmp_path):
    assert [str(path) for path in files_in(source)] == ["a/1.txt", "a/deep/3.txt", "b/2.txt"]
    wanted = {
        PurePosixPath("a/deep/3.txt"): tmp_path / "out/three.txt",
        PurePosixPath("b/2.txt"): tmp_path / "out/two/2.txt",
    }
    bring(source, wanted, "test")
    assert {path.name for path in (tmp_path / "out").rglob("*.txt")} == {"three.txt", "2.txt"}
    assert (tmp_path / "out/three.txt").read_text() == "a/deep/3.txt"


def test_a_zip_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"x" * 1000)
    usage = type("Usage", (), {"free": 999})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(DataError, match=r"a\.zip: unpacks to 0.0 GB"):
        bring(tmp_path / "a.zip", {PurePosixPath("a"): tmp_path / "out" / "a"}, "test")


def test_a_link_is_followed(tmp_path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    link_or_copy(tmp_path / "link", tmp_path / "other")
    assert (tmp_path / "other").samefile(tmp_path / "file")
    assert not (tmp_path / "other").is_symlink()
