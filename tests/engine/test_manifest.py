"""The record of a long restoration, and what is left of it after a kill and on a full disk."""

import json
import os
import resource
from collections import Counter

import pytest

from engine.manifest import MOST_DEATHS, Manifest, Share
from utils.errors import DataError, PellucidError
from utils.locks import FolderTakenError

RUN = {"weights": "a", "tile": None}
NAMES = [f"{folder}/ä {number}.png" for folder in "ab" for number in range(100)] + ["\udcff.png"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "done.jsonl"


WHOLE = Share()


def opened(path, share=WHOLE, **options):
    return Manifest(path, RUN, share, **options)


def test_every_file_belongs_to_one_share():
    for count in (1, 2, 7):
        shares = [Share(number, count) for number in range(count)]
        owners = [[share.number for share in shares if share.has(name)] for name in NAMES]
        assert all(len(own) == 1 for own in owners)
        sizes = Counter(own[0] for own in owners)
        assert len(sizes) == count and min(sizes.values()) > len(NAMES) / count / 3


def test_what_is_finished_is_known_to_the_next_whatever_its_share(path):
    with opened(path) as manifest:
        for name in NAMES[:150]:
            manifest.begin(name)
            if name.endswith("7.png"):
                manifest.failed(name, "broken\nin two lines")
            else:
                manifest.restored(name, 0.5)
        assert not manifest.is_restored(NAMES[0])  # before this process
    for share in (Share(0, 2), Share(1, 2)):
        with opened(path, share) as manifest:
            own = [name for name in NAMES if share.has(name)]
            failed = {name for name in own if name in NAMES[:150] and name.endswith("7.png")}
            assert {name for name in own if manifest.has_failed(name)} == failed
            assert {name for name in own if manifest.is_restored(name)} == (
                set(own) & set(NAMES[:150]) - failed
            )
            assert not manifest.left_unfinished
    with opened(path, retry=True) as manifest:
        assert not any(map(manifest.has_failed, NAMES))
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + 2 * 150 and all(json.loads(line) for line in lines)
    assert os.listdir(path.parent) == [path.name]


def test_deaths_are_counted_until_a_file_is_finished(path):
    for deaths in range(MOST_DEATHS):
        with opened(path) as manifest:
            assert manifest.deaths("a.png") == deaths
            assert manifest.left_unfinished == (deaths > 0)
            manifest.begin("a.png")
    with opened(path) as manifest:
        manifest.failed("a.png", "died")
    with opened(path, retry=True) as manifest:
        assert manifest.deaths("a.png") == 0


@pytest.mark.parametrize("torn", [b'{"file": "c.p', b"{", b'{"run"'])
def test_a_line_that_was_cut_off_is_as_if_never_begun(path, torn):
    with opened(path) as manifest:
        manifest.restored("a.png", 1)
    whole = path.read_bytes()
    path.write_bytes(torn if b"run" in torn else whole + torn)
    with opened(path) as manifest:
        assert manifest.is_restored("a.png") == (b"run" not in torn)
        with path.open("ab") as other:
            other.write(torn)  # another process is killed meanwhile
        manifest.restored("b.png", 1)
    with opened(path) as manifest:
        assert manifest.is_restored("b.png")


def test_another_run_is_refused_by_what_differs(path):
    with opened(path):
        pass
    with pytest.raises(DataError, match=r"done\.jsonl: is of a run with tile None, not 64; "):
        Manifest(path, {**RUN, "tile": 64}, Share())
    with opened(path):  # nobody is left at it
        pass


@pytest.mark.parametrize(
    "text", ["a,b\n", "[1]\n", '{"epoch": 1}\n', '{"run": {"weights": 1}}\n1\n']
)
def test_another_file_is_refused(path, text):
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DataError, match=r"done\.jsonl: "):
        opened(path)
    assert path.read_text() == text


def test_a_full_disk_leaves_whole_lines(path):
    with opened(path) as manifest:
        size = path.stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
        try:
            with pytest.raises(PellucidError, match=r"done\.jsonl: cannot be written"):
                for name in NAMES:
                    manifest.restored(name, 1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert all(json.loads(line) for line in path.read_text().splitlines())
    with opened(path) as manifest:
        assert manifest.is_restored(NAMES[0]) and not manifest.is_restored(NAMES[-1])


def test_a_share_is_one_processs_and_work_is_divided_one_way(path):
    with opened(path, Share(0, 2)) as first:
        assert first.is_alone()
        with opened(path, Share(1, 2)):
            assert not first.is_alone()
        for taken in (Share(0, 2), Share(0, 1), Share(2, 3)):
            with pytest.raises(FolderTakenError, match=r"done\.jsonl: other processes are at it"):
                opened(path, taken)
        assert first.is_alone()
    with opened(path, Share(0, 3)):
        pass
