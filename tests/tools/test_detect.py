"""tools/detect.py, restore.py --auto: verdicts, JSON, what is unreadable, what is left alone."""

import json

import numpy as np
import pytest
from skimage.data import astronaut

from data.degradations.pixelation import resize_nearest
from engine.systems import SYSTEMS
from tests.forks import run
from tools import detect, restore
from utils.command_line import run_tool
from utils.images import read_image, write_image


@pytest.fixture
def folder(tmp_path):
    """A clean photograph as JPEG, the same pixelated, and a file that is no picture."""
    photograph = np.ascontiguousarray(astronaut()[:300, :390])
    write_image(tmp_path / "in" / "clean.jpg", photograph)
    write_image(tmp_path / "in" / "mosaic.png", resize_nearest(photograph[1::3, 1::3], 300, 390))
    return tmp_path / "in"


def detected(capsys, *words):
    status = run_tool(detect.main, detect.build_parser(), [*map(str, words), "--device", "cpu"])
    return status, capsys.readouterr()


def test_each_picture_has_a_verdict_and_a_probability(folder, capsys):
    status, said = detected(capsys, folder)
    clean, mosaic = said.out.splitlines()
    assert status == 0
    assert clean.startswith(f"{folder / 'clean.jpg'}: clean (0.")
    assert mosaic.startswith(f"{folder / 'mosaic.png'}: pixelated (")
    assert mosaic.endswith("blocks of about 3 pixels)")


def test_json_is_for_programs_and_an_unreadable_file_is_named(folder, capsys):
    (folder / "torn.png").write_bytes(b"nothing")
    status, said = detected(capsys, folder / "*.png", folder / "clean.jpg", "--json")
    mosaic, torn, clean = json.loads(said.out)
    assert status == 2
    assert mosaic["verdict"] == "pixelated" and mosaic["block"] == pytest.approx(3, rel=0.01)
    assert clean["verdict"] == "clean" and clean["block"] is None
    assert 0 <= clean["probability"] < 0.5 < mosaic["probability"] <= 1
    assert torn["picture"].endswith("torn.png") and "torn.png" in torn["error"]
    assert "1 of 3 were not read" in said.err and "torn.png" in said.err


def test_weights_that_restore_are_refused(folder, capsys):
    status, said = detected(capsys, folder, "--weights", SYSTEMS["glare"].default)
    assert status == 2
    assert "GlareNet, which restores" in said.err


def test_it_runs_from_any_folder(folder):
    done = run("detect", "clean.jpg", "--device", "cpu", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "clean.jpg: clean" in done.stdout


def corrected(*words):
    parser = restore.build_parser()
    return run_tool(restore.main, parser, [*map(str, words), "--auto", "--device", "cpu"])


def test_auto_corrects_what_is_pixelated_and_copies_the_rest(folder, tmp_path, capsys):
    assert corrected(folder, "-o", tmp_path / "out") == 0
    assert "1 of 2 pictures corrected" in capsys.readouterr().out
    same = (folder / "clean.jpg").read_bytes() == (tmp_path / "out" / "clean.jpg").read_bytes()
    assert same
    truth = astronaut()[:300, :390].astype(float)
    places = (folder, tmp_path / "out")
    errors = [np.abs(read_image(place / "mosaic.png") - truth).mean() for place in places]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--region", "mouth"], "--auto corrects whole pictures"),
        (["--outscale", "2"], "outscale"),
    ],
)
def test_what_does_not_go_with_auto_is_refused(folder, tmp_path, capsys, words, message):
    picture = folder / "mosaic.png"
    assert corrected(picture, "-o", tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
