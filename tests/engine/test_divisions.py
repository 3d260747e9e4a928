"""The record of a run's split."""

import json

import pytest

from data.division import Division, read_shares
from engine.divisions import refuse_other_divisions, write_divisions
from utils.errors import TrainingError


def division(place="high", seed=0, **names) -> Division:
    return Division(place, seed, {"train": 0.7, "val": 0.3}, names or {"train": ["é"], "val": []})


def test_the_record_is_what_was_divided(tmp_path):
    write_divisions(tmp_path / "split.json", [division(train=["a", "c"], val=["b"])])
    assert json.loads((tmp_path / "split.json").read_text(encoding="utf-8")) == [
        {
            "place": "high",
            "seed": 0,
            "shares": {"train": 0.7, "val": 0.3},
            "names": {"train": ["a", "c"], "val": ["b"]},
        }
    ]


def test_only_the_same_division_goes_on(tmp_path):
    path = tmp_path / "split.json"
    refuse_other_divisions(path, [division()])  # no record: nothing was divided
    write_divisions(path, [division()])
    for now in ([division()], [division("elsewhere", train=["x"])], []):
        refuse_other_divisions(path, now)
    for other in (division(seed=1), division(train=["a"])):
        with pytest.raises(TrainingError, match="high was divided otherwise when the run began"):
            refuse_other_divisions(path, [other])


def test_a_share_is_told_as_it_was_meant(tmp_path):
    path = tmp_path / "split.json"
    divided = Division("high", 0, read_shares(0.7, "val"), {"train": ["a"], "val": ["b"]})
    write_divisions(path, [divided])
    assert '"val": 0.3\n' in path.read_text()
    refuse_other_divisions(path, [divided])
    path.write_text(path.read_text().replace("0.3", "0.30000000000000004"))  # as it once was
    refuse_other_divisions(path, [divided])
    with pytest.raises(TrainingError, match="was divided otherwise"):
        refuse_other_divisions(path, [Division("high", 0, read_shares(0.71, "val"), divided.names)])


@pytest.mark.parametrize("text", ["{", "[1]", '[{"seed": 0}]', '[{"place": "a", "shares": [1]}]'])
def test_a_damaged_record(tmp_path, text):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(TrainingError, match=r"split.json: is not the record"):
        refuse_other_divisions(tmp_path / "split.json", [division()])
