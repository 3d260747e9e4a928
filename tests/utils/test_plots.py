"""Plots hold what they were given, and are written whole or not at all."""

import cv2
import numpy as np
import pytest

from utils import plots
from utils.plots import plot_curves, sample_sheet

HISTORY = [
    {"epoch": 1, "train/loss": 0.5, "val/loss": 0.6, "val/psnr": 20.0, "val/ssim": 0.7},
    {"epoch": 2, "train/loss": 0.3, "lr": 1e-3},  # no validation in this epoch
    {"epoch": 3, "train/loss": 0.2, "val/loss": 0.4, "val/psnr": float("inf"), "val/ssim": 0.8}
    | {"train/psnr": 25.0},
]


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved, still to be asked what they show."""
    saved = []
    save = plots._save

    def keep(figure, path, dpi):
        saved.append(figure)
        save(figure, path, dpi)

    monkeypatch.setattr(plots, "_save", keep)
    return saved


def test_curves_show_every_value_by_epoch(tmp_path, figures):
    plot_curves(HISTORY, tmp_path / "plots" / "curves.png")
    panels = {axes.get_title(): axes.lines for axes in figures[0].axes}
    curves = {
        name: [(list(line.get_xdata()), list(line.get_ydata())) for line in lines]
        for name, lines in panels.items()
    }
    assert curves == {
        "loss": [([1, 2, 3], [0.5, 0.3, 0.2]), ([1, 3], [0.6, 0.4])],
        "psnr": [([3], [25.0]), ([1], [20.0])],
        "ssim": [([1, 3], [0.7, 0.8])],
    }
    assert [line.get_label() for line in panels["psnr"]] == ["training samples", "validation"]
    image = cv2.imread(str(tmp_path / "plots" / "curves.png"))
    assert image is not None
    assert len(np.unique(image)) > 10


def test_curves_of_a_run_without_validation(tmp_path):
    plot_curves([{"epoch": 1, "train/loss": 1.0}], tmp_path / "curves.png")
    plot_curves([], tmp_path / "empty.png")
    assert cv2.imread(str(tmp_path / "curves.png")) is not None


def test_sheet_shows_each_picture_in_its_colours(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = [np.full((90, 120, 3), colour, np.uint8) for colour in colours]
    gray = [np.full((2000, 700, 1), value, np.uint8) for value in (10, 120, 250)]
    path = tmp_path / "sheet.png"
    sample_sheet([("red $1", *images), ("a/very/long/name" * 9, *gray)], path)
    sheet = cv2.imread(str(path))[..., ::-1].reshape(-1, 3)
    for colour in [*colours, (10,) * 3, (120,) * 3, (250,) * 3]:
        assert (sheet == colour).all(axis=1).sum() > 1000


def test_labels_and_names(tmp_path, figures):
    image = np.zeros((8, 8, 3), np.uint8)
    columns = ("bicubic", "restored", "target")
    sample_sheet([("first", *[image] * 3)], tmp_path / "sheet.png", columns)
    assert [axes.get_title() for axes in figures[0].axes] == list(columns)
    assert figures[0].axes[0].get_ylabel() == "first"
    with pytest.raises(ValueError, match="at least one"):
        sample_sheet([], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_an_older_plot_survives_a_failure(tmp_path, monkeypatch):
    path = tmp_path / "curves.png"
    plot_curves(HISTORY, path)
    before = path.read_bytes()

    def fail(*_args, **_kwargs):
        raise RuntimeError("disk")

    monkeypatch.setattr(plots.Figure, "savefig", fail)
    with pytest.raises(RuntimeError):
        plot_curves(HISTORY[:1], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
