"""A report says what was measured, on what and how."""

import csv
import io

import numpy as np
import pytest

from engine.evaluator import Evaluation
from engine.report import Row, format_table, picture_csv, protocol_lines, write_report
from utils.images import read_image

INPUT = {"psnr": 9.5, "l1": 0.25}
FIGURES = {"dark": {"psnr": 12.25, "l1": 0.125}, "bright": {"psnr": float("inf"), "l1": 0.0}}


def evaluation(figures, baseline):
    images = [{"name": name, **figures} for name in ("a", "b")]
    if baseline:
        images = [image | {f"input_{name}": INPUT[name] for name in INPUT} for image in images]
    pictures = (np.full((20, 30, 3), level, np.uint8) for level in (0, 100, 255))
    return Evaluation(
        metrics=figures,
        input_metrics=INPUT if baseline else {},
        input_name="input",
        losses={},
        images=images,
        samples=[("a", *pictures)],
        protocol={"psnr": {"metric": "PSNR", "crop_border": 4}, "l1": {"metric": "L1"}},
        higher_is_better={"psnr": True, "l1": False},
    )


@pytest.fixture
def rows():
    return {
        name: Row(evaluation(figures, name == "dark"), 31_787_419, 0.12345)
        for name, figures in FIGURES.items()
    }


def test_the_table_states_the_input_first_then_each_model(rows):
    header, _, *lines = format_table(rows).splitlines()
    assert header.split() == ["psnr", "↑", "l1", "↓", "parameters", "s/picture"]
    assert [line.split() for line in lines] == [
        ["input", "9.50", "0.2500"],
        ["dark", "12.25", "0.1250", "31,787,419", "0.123"],
        ["bright", "inf", "0.0000", "31,787,419", "0.123"],
    ]
    assert len({len(header), *(len(line) for line in lines[1:])}) == 1


def test_the_protocol_travels_with_the_figures(rows):
    about, plain, psnr, _ = protocol_lines(rows["dark"].evaluation, "VAL Folder", 3)
    assert about == "2 pictures of VAL Folder, read as RGB"
    assert "GT mean" in plain
    assert psnr == "psnr: metric PSNR, crop_border 4"


def test_the_csv_has_a_line_for_each_picture(rows):
    alone = list(csv.DictReader(io.StringIO(picture_csv({"dark": rows["dark"]}))))
    assert list(alone[0]) == ["name", "psnr", "l1", "input_psnr", "input_l1"]
    assert [line["name"] for line in alone] == ["a", "b"]
    together = list(csv.DictReader(io.StringIO(picture_csv(rows))))
    assert float(together[1]["dark_psnr"]) == 12.25
    assert float(together[1]["bright_psnr"]) == float("inf")
    assert float(together[1]["input_psnr"]) == 9.5


def test_a_sheet_has_a_column_for_each_model(rows, tmp_path):
    (tmp_path / "samples_9.png").touch()
    widths = []
    for shown in ({"dark": rows["dark"]}, rows):
        write_report(shown, "the table", tmp_path)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["images.csv", "samples_1.png", "table.txt"]
        widths.append(read_image(tmp_path / "samples_1.png").shape[1])
    assert widths[1] == pytest.approx(widths[0] * 4 / 3, abs=2)
    assert (tmp_path / "table.txt").read_text() == "the table\n"
