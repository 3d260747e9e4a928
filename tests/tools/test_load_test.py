"""tools/load_test.py as a user runs it, against a server on loopback."""

import json

import pytest

from tests.forks import run
from tests.serving.small_server import small_server

pytest.importorskip("psutil")
BOUNDS = ("--requests", 12, "--clients", 2)


def test_table_and_json(tmp_path):
    with small_server() as (url, _):
        result = run(
            *("load_test", "--url", url, "--size", 8, *BOUNDS, "--output", "report.json"),
            folder=tmp_path,
        )
    assert result.returncode == 0 and result.stderr == ""
    heading, *rows = result.stdout.splitlines()
    assert heading.split()[:2] == ["requests", "answers"]
    assert [row[:16].strip() for row in rows[:4]] == [
        "one by one",
        "all it can",
        "half of that",
        "four times that",
    ]
    assert rows[4] == "errors other than 503 at four times the capacity: 0 (aim: 0)"
    report = json.loads((tmp_path / "report.json").read_text())
    assert [phase["answers"] for phase in report["phases"]] == [30, 12, 12, 12]
    assert all(min(phase["memory"]) > 1e6 for phase in report["phases"])
    assert report["aims"]["other_errors"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--picture", "none.png"), "none.png: cannot be read: No such file"),
        (("--url", "http://127.0.0.1:1/infer"), "port 1: no process of yours listens there"),
        (("--url", "ftp://127.0.0.1/infer"), "--url ftp://127.0.0.1/infer: "),
    ],
)
def test_what_cannot_be_measured(tmp_path, words, told):
    result = run("load_test", *words, *BOUNDS, folder=tmp_path)
    assert result.returncode == 2 and f"error: {told}" in result.stderr


def test_help_has_examples(tmp_path):
    result = run("load_test", "--help", folder=tmp_path)
    assert result.returncode == 0 and "tools/load_test.py --url" in result.stdout
