import pytest

from data.staging import staged_folder
from utils.errors import DataError


def test_the_folder_appears_only_when_it_is_whole(tmp_path):
    with staged_folder(tmp_path / "deep" / "set") as folder:
        (folder / "train").mkdir()
        assert not (tmp_path / "deep" / "set").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["set"]
    assert (tmp_path / "deep" / "set" / "train").is_dir()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path, failure):
    (tmp_path / "set" / "train").mkdir(parents=True)
    with pytest.raises(failure), staged_folder(tmp_path / "set", force=True) as folder:
        (folder / "val").mkdir()
        raise failure
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["train"]


def test_a_folder_that_exists_is_replaced_only_by_force(tmp_path):
    (tmp_path / "set" / "train").mkdir(parents=True)
    with pytest.raises(DataError, match="--force"), staged_folder(tmp_path / "set"):
        pass
    with staged_folder(tmp_path / "set", force=True) as folder:
        (folder / "val").mkdir()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["val"]


def test_force_never_removes_what_is_no_set(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match=r"letter\.txt"), staged_folder(tmp_path / "home", True):
        pass
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"
