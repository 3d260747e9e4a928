"""Tar files give the samples that the folders gave from which they were packed, to the bit."""

import io
import os
import tarfile

import numpy as np
import pytest

from config import from_dict
from data.build import build_dataset, build_loader
from data.datasets.clean import CleanFolder
from data.datasets.files import MissingDataError
from data.datasets.paired import PairedFolders
from data.datasets.shards import WebDatasetShards
from data.prepare_shards import pack_shards
from data.tar_index import INDEX_SUFFIX, index_of
from utils.errors import DataError, ImageError
from utils.images import write_image

COUNT = 9


@pytest.fixture
def folders(tmp_path, rng):
    """Targets of 24 x 20 pixels, inputs half as large."""
    for number in range(COUNT):
        target = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
        write_image(tmp_path / "target" / f"ä{number}.{'png' if number % 2 else 'jpg'}", target)
        write_image(tmp_path / "input" / f"ä{number}_x2.PNG", target[::2, ::2])
    return tmp_path


@pytest.fixture
def packed(folders):
    """A pattern of shards of pairs, several samples in each."""
    pack_shards(folders / "target", folders / "s", folders / "input", "{}_x2", shard_bytes=5000)
    assert len(list((folders / "s").glob("*.tar"))) > 2
    return str(folders / "s" / "shard-*.tar")


def shards(where, channels=3):
    return WebDatasetShards(where, channels=channels, split="train")


def samples_of(source):
    return [source.read(index, np.random.default_rng(0)) for index in range(len(source))]


def assert_alike(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys() and one["name"] == other["name"]
        for half in one.keys() - {"name"}:
            assert np.array_equal(one[half], other[half])


@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_are_those_of_the_folders(folders, packed, channels):
    where = (str(folders / "input"), str(folders / "target"), "{}_x2")
    plain = PairedFolders(*where, channels=channels, split="train")
    assert_alike(samples_of(shards(packed, channels)), samples_of(plain))


def test_clean_pictures_are_those_of_the_folder(folders):
    assert pack_shards(folders / "target", folders / "s", shard_bytes=3000) == COUNT
    plain = CleanFolder(str(folders / "target"), channels=3, split="train")
    assert_alike(samples_of(shards(str(folders / "s" / "*.tar"))), samples_of(plain))


def test_an_epoch_of_training_is_the_same_with_workers(folders, packed):
    pairs = {"input": str(folders / "input"), "target": str(folders / "target")}
    places = {
        "PairedFolders": {**pairs, "template": "{}_x2"},
        "WebDatasetShards": {"shards": packed},
    }
    epochs = []
    for (name, args), workers in zip(places.items(), (0, 2), strict=True):
        crop = {"NAME": "RandomCrop", "ARGS": {"size": 8}}
        options = {"BATCH_SIZE": 3, "WORKERS": workers, "TRANSFORMS": [crop], "CHANNELS": 3}
        cfg = {"DATASETS": {"TRAIN": {"NAME": name, "ARGS": args}}, "DATA": options}
        loader = build_loader(from_dict(cfg), "train", "cpu")
        loader.set_epoch(1)
        epochs.append(list(loader))
    for one, other in zip(*epochs, strict=True):
        assert one["name"] == other["name"]
        assert all((one[half] == other[half]).all() for half in ("input", "target"))


def test_webdataset_itself_reads_the_same(packed, folders):
    webdataset = pytest.importorskip("webdataset")
    paths = sorted(map(str, (folders / "s").glob("*.tar")))
    theirs = list(webdataset.WebDataset(paths, shardshuffle=False))
    ours = samples_of(shards(packed))
    assert [one["__key__"] for one in theirs] == [one["name"] for one in ours]
    by_hand = (folders / "input" / "ä3_x2.PNG").read_bytes()
    assert theirs[3]["input.png"] == by_hand


def test_shards_that_webdataset_wrote(tmp_path, rng):
    webdataset = pytest.importorskip("webdataset")
    pictures = rng.integers(0, 256, (4, 6, 7, 3), dtype=np.uint8)
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as sink:
        for number, picture in enumerate(pictures):
            sink.write({"__key__": f"deep/{number}", "png": picture, "json": {"n": number}})
    found = samples_of(shards(str(tmp_path / "a.tar")))
    assert [one["name"] for one in found] == [f"deep_{number}" for number in range(4)]
    assert all(
        (one["target"] == picture).all() for one, picture in zip(found, pictures, strict=True)
    )


def test_packing_is_the_same_each_time_and_replaces_only_shards(folders, packed):
    first = {path.name: path.read_bytes() for path in (folders / "s").glob("*.tar")}
    words = (folders / "target", folders / "s", folders / "input", "{}_x2", 5000)
    with pytest.raises(DataError, match="--force"):
        pack_shards(*words)
    pack_shards(*words, force=True)
    assert first == {path.name: path.read_bytes() for path in (folders / "s").glob("*.tar")}
    (folders / "s" / "precious.txt").write_text("mine")
    with pytest.raises(DataError, match=r"precious\.txt"):
        pack_shards(*words, force=True)


def test_what_cannot_be_packed(folders):
    (folders / "input" / "ä0_x2.PNG").unlink()
    with pytest.raises(DataError, match="has no input"):
        pack_shards(folders / "target", folders / "s", folders / "input", "{}_x2")
    write_image(folders / "dots" / "a.b.png", np.zeros((2, 2, 1), np.uint8))
    write_image(folders / "dots" / "a_b.png", np.zeros((2, 2, 1), np.uint8))
    with pytest.raises(DataError, match="would both be called a_b"):
        pack_shards(folders / "dots", folders / "s")
    assert not (folders / "s").exists()


def test_the_index_is_used_and_made_anew_when_the_tar_changes(folders, packed, monkeypatch):
    source = shards(packed)
    monkeypatch.setattr("data.tar_index._made", None)  # none is made
    assert_alike(samples_of(shards(packed)), samples_of(source))
    monkeypatch.undo()
    first = source.paths[0]
    with tarfile.open(first, "a") as tar:
        tar.add(folders / "input" / "ä0_x2.PNG", "more.input.png")
        tar.add(folders / "target" / "ä0.jpg", "more.target.jpg")
    with pytest.raises(DataError, match=r"shard-000000\.tar: has changed since it was indexed"):
        source.read(0, np.random.default_rng(0))
    assert len(shards(packed)) == COUNT + 1
    for spoilt in (b"", b"PK\x03\x04", os.urandom(200)):
        first.with_name(first.name + INDEX_SUFFIX).write_bytes(spoilt)
        assert len(shards(packed)) == COUNT + 1


def test_a_place_that_can_only_be_read(packed, folders, messages, monkeypatch):
    for index in (folders / "s").glob(f"*{INDEX_SUFFIX}"):
        index.unlink()

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("utils.files.Path.touch", refuse)
    assert len(shards(packed)) == COUNT
    assert "Read-only file system; the index is kept in memory" in messages[0]


@pytest.mark.parametrize("place", ["empty", "first header", "first member", "last member", "end"])
def test_a_torn_tar_is_refused(packed, folders, place):
    path = folders / "s" / "shard-000001.tar"
    with tarfile.open(path) as tar:
        last = tar.getmembers()[-1]
        end = tar.offset  # where the blocks of zeros begin
    kept = {"empty": 0, "first header": 300, "first member": 600, "last member": last.offset + 700}
    path.write_bytes(path.read_bytes()[: kept.get(place, end)])
    with pytest.raises(DataError, match=r"shard-000001\.tar: is cut short") as caught:
        shards(packed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"hello", b"\x1f\x8b" + bytes(600), os.urandom(2000)])
def test_what_is_no_tar_is_refused(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.tar: is cut short, damaged, or no uncompressed tar"):
        index_of(tmp_path / "a.tar")


def test_garbage_amid_a_tar_is_no_end(packed, folders):
    path = folders / "s" / "shard-000001.tar"
    data = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        second = tar.getmembers()[1]
    data[second.offset : second.offset + 512] = os.urandom(512)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"shard-000001\.tar: is cut short, damaged"):
        index_of(path)


def test_a_damaged_picture_is_named(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        header = tarfile.TarInfo("x.png")
        header.size = 5
        tar.addfile(header, io.BytesIO(b"hello"))
    with pytest.raises(ImageError, match=r"a\.tar/x\.target: is not a PNG") as caught:
        samples_of(shards(str(tmp_path / "a.tar")))
    assert caught.value.file == f"{tmp_path}/a.tar/x.target"


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_a_picture_that_is_a_link_is_refused(packed, folders, kind):
    path = folders / "s" / "shard-000001.tar"
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = kind, tar.getnames()[0]
        tar.addfile(link)
    with pytest.raises(DataError, match=r"shard-000001\.tar: link\.png is a link or sparse"):
        index_of(path)


LONG = "長い" * 99


def test_members_that_are_no_files_and_names_of_all_kinds(tmp_path, folders):
    names = [
        "./dot.png",
        "../up.png",
        "deep/er.png",
        "new\nline.png",
        "長い" * 99 + ".PNG",
        "._x.png",
    ]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in names:
            tar.add(folders / "input" / "ä0_x2.PNG", name)
            tar.addfile(tarfile.TarInfo(f"{name}.json"), io.BytesIO())
        for kind in (tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE):
            odd = tarfile.TarInfo("odd.png")
            odd.type = kind
            tar.addfile(odd)
    found = samples_of(shards(str(tmp_path / "a.tar")))
    assert [one["name"] for one in found] == ["dot", ".._up", "deep_er", "new\nline", LONG]


@pytest.mark.parametrize("places", [[1, 2], [[10**15, 1]], [[0.5, 1.0]], [[1, 2], [3, 4]]])
def test_an_index_that_cannot_be_is_made_anew(tmp_path, folders, places):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        tar.add(folders / "input" / "ä0_x2.PNG", "a.png")
    expected = samples_of(shards(str(path)))
    state = path.stat()
    np.savez(
        tmp_path / f"a.tar{INDEX_SUFFIX}",
        version=np.array(1),
        state=np.array([state.st_size, state.st_mtime_ns]),
        keys=np.array([b"a"]),
        input=np.array([[-1, 0]]),
        target=np.array(places),
    )
    (found,) = samples_of(shards(str(path)))
    assert np.array_equal(found["target"], expected[0]["target"])


def test_halves_without_a_partner_and_names_twice(tmp_path, folders):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("a.input.png", "a.target.png", "b.input.png", "c.png"):
            tar.add(folders / "input" / "ä0_x2.PNG", name)
    cfg = {
        "DATASETS": {
            "TRAIN": {"NAME": "WebDatasetShards", "ARGS": {"shards": str(tmp_path / "a.tar")}}
        }
    }
    with pytest.raises(DataError, match=r"a\.tar: b has no target; .*c has no input"):
        build_dataset(from_dict(cfg), "train")
    with tarfile.open(tmp_path / "a.tar", "a") as tar:
        tar.add(folders / "input" / "ä0_x2.PNG", "a.target.jpg")
    with pytest.raises(DataError, match=r"a\.tar: holds two targets called a"):
        shards(str(tmp_path / "a.tar"))


def test_no_file(tmp_path):
    with pytest.raises(MissingDataError, match=r"train: there is no tar file .*none-\*\.tar"):
        shards(str(tmp_path / "none-*.tar"))
