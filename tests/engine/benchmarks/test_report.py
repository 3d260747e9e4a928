"""Measured times on paper: what is written is read again, and two runs are set side by side."""

import json
from dataclasses import replace

import pytest
import torch

from engine.benchmarks.report import as_markdown, compared, read_json, report_of, write_json
from engine.benchmarks.timing import Figure
from utils.errors import DataError

SLOW = Figure(
    "step", "a", ("batch 2", "bf16"), 2, "sample", (0.5, 0.25, 1.0), (2.0,), 1.0, 3_000_000
)
FAST = Figure("loader", "b", (), 100, "sample", (0.02, 0.02, 0.02), (), 0.04, None)


@pytest.fixture
def report():
    return report_of([SLOW, FAST], torch.device("cpu"))


def test_the_table_states_what_it_was_taken_with(report):
    text = as_markdown(report)
    assert f"PyTorch {torch.__version__}" in text and "medians of 3 rounds" in text
    assert "| step | a | batch 2, bf16 | 500 | 250 | 4.00 samples | 1.00 | 3.0 | 3 |" in text
    assert "| loader | b |  | 20.0 | 20.0 | 5,000 samples | 0.0400 |  | 3 |" in text


def test_json_holds_every_round(tmp_path, report):
    write_json(report, tmp_path / "a.json")
    assert read_json(tmp_path / "a.json") == report


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"figures": [{"name": 1}]}'])
def test_what_is_no_measurement_is_named(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="a.json: holds no measurements"):
        read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match="b.json: cannot be read"):
        read_json(tmp_path / "b.json")


@pytest.mark.parametrize("seconds", [[], [0.0], ["a"], [-1.0, 2.0]])
def test_times_that_are_none_are_no_measurement(tmp_path, report, seconds):
    write_json(report, tmp_path / "a.json")
    values = json.loads((tmp_path / "a.json").read_text())
    values["figures"][0]["seconds"] = seconds
    (tmp_path / "a.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match=r"a\.json: holds no measurements"):
        read_json(tmp_path / "a.json")


def test_two_runs_are_set_side_by_side(report):
    faster = replace(SLOW, seconds=(0.25,))
    text = compared(report, replace(report, hardware="another", figures=[faster]))
    assert "| step | a | batch 2, bf16 | 500 | 250 | 0.500 |" in text
    assert "second: another" in text and "1 figures are in one of them only" in text
    with pytest.raises(DataError, match="nothing alike"):
        compared(replace(report, figures=[SLOW]), replace(report, figures=[FAST]))
