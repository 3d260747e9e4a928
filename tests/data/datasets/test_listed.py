"""Pairs that a table lists."""

import numpy as np
import pytest

from data import DATASETS
from data.datasets.files import MissingDataError
from data.inventory import inventory_of
from utils.errors import DataError
from utils.images import write_image


@pytest.fixture
def folder(tmp_path):
    """Three scenes of two dark pictures and one normal one, in a table with other columns."""
    rows = ["scene,low,normal,mean"]
    for scene in range(3):
        levels = np.random.default_rng(scene).integers(0, 256, (6, 6, 3), np.uint8)
        normal = levels.repeat(8, axis=0).repeat(8, axis=1)
        write_image(tmp_path / f"{scene}.png", normal)
        for dark in (1, 2):
            write_image(tmp_path / f"{scene}/{dark}.png", normal // (2 * dark))
            rows.append(f"{scene},{scene}/{dark}.png,{scene}.png,0.1")
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def build(place, split="train", **arguments):
    columns = {"input": "low", "target": "normal", **arguments}
    table = str(place / "pairs.csv")
    return DATASETS.build("PairedList", list=table, **columns, channels=3, split=split)


def test_pairs_are_those_of_the_rows(folder, rng):
    data = build(folder)
    samples = [data.read(index, rng) for index in range(len(data))]
    assert [sample["name"] for sample in samples] == ["0_1", "0_2", "1_1", "1_2", "2_1", "2_2"]
    for number, sample in enumerate(samples):
        assert np.array_equal(sample["input"], sample["target"] // (2 + 2 * (number % 2)))


def test_file_names_start_where_they_are_said_to(folder, tmp_path):
    (tmp_path / "tables").mkdir()
    (folder / "pairs.csv").rename(tmp_path / "tables" / "pairs.csv")
    data = build(tmp_path / "tables", folder=str(folder))
    assert data.files_of(0).files == [folder / "0/1.png", folder / "0.png"]


def test_scenes_are_seen_or_stated(folder):
    for arguments in ({}, {"scene": "scene"}):
        data = build(folder, shares=0.67, **arguments)
        names = inventory_of(data).divisions[0].names
        assert [len(names[split]) for split in ("train", "val")] == [4, 2]
        for own in names.values():
            assert {name[0] for name in own} == {name[0] for name in own if name.endswith("2")}
    table = (folder / "pairs.csv").read_text().replace("\n2,", "\n1,")
    (folder / "pairs.csv").write_text(table)
    names = inventory_of(build(folder, shares=0.6, scene="scene")).divisions[0].names
    assert sorted(map(len, names.values())) == [2, 4]  # two scenes now, whatever is seen


def test_a_row_twice_is_a_problem(folder):
    table = folder / "pairs.csv"
    table.write_text(table.read_text() + "0,0/1.png,0.png,0.1\n")
    data = build(folder)
    (problem,) = data.problems
    assert len(data) == 6 and problem.file.name == "1.png" and "stands twice" in problem.what


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("scene,lows,normal\n", r"has no column 'low'; did you mean lows\?"),
        ("", "has no column 'low'; known: none"),
        ("low,normal\na.png,b.png\nc.png\n", "line 3 has no entry for 'normal'"),
        ("low,normal\na\x00.png,b.png\n".encode("utf-16").decode("latin-1"), "has no column"),
    ],
)
def test_tables_that_cannot_be_used(folder, text, told):
    (folder / "pairs.csv").write_text(text)
    with pytest.raises(DataError, match=f"train: .*pairs.csv: {told}"):
        build(folder)


def test_no_table(tmp_path):
    with pytest.raises(MissingDataError, match="val: there is no file .*pairs.csv"):
        build(tmp_path, "val")


def test_a_table_of_nothing(folder):
    (folder / "pairs.csv").write_text("scene,low,normal\n")
    with pytest.raises(MissingDataError, match=r"train: .*pairs.csv: lists no pairs"):
        build(folder)


def test_the_scenes_of_sice(shared_dir):
    """187 scenes are stated; two of them were taken twice, as looking at them shows."""
    sice = shared_dir / "data/lowlight/sice"
    arguments = {"folder": str(sice / "images"), "scene": "scene"}
    whole = build(sice, **arguments)
    scene_of = {pair.name: pair.scene for pair in whole.pairs}
    assert (len(whole), len(set(scene_of.values()))) == (539, 187)
    shares = {"train": 0.7, "val": 0.1, "test": 0.2}
    for seed in range(4):
        names = inventory_of(build(sice, shares=shares, seed=seed, **arguments)).divisions[0].names
        split_of = {scene_of[name]: split for split, own in names.items() for name in own}
        assert sum(len({scene_of[name] for name in own}) for own in names.values()) == 187
        assert split_of["25"] == split_of["162"] and split_of["165"] == split_of["167"]
