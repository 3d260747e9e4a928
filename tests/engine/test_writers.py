import io
import json
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from engine.history import EPOCH, STEP, History
from engine.position import Position
from engine.writers import JsonLines, ProgressBar, TensorBoard


def test_json_lines_go_on_without_what_is_measured_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    history = History()
    history.tell(JsonLines(path, None))
    for iteration in (2, 4, 6):
        history.put(STEP, 1, iteration, {"loss": float("inf") if iteration == 2 else 0.5})
    history.close()
    path.write_text(path.read_text() + '{"kind": "step", "iterat')  # killed while it wrote
    again = History()
    again.tell(JsonLines(path, Position(epoch=1, step=4, iteration=4)))
    again.put(EPOCH, 1, 5, {"val/psnr": 30.0})
    again.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"kind": "step", "epoch": 1, "iteration": 2, "loss": None},
        {"kind": "step", "epoch": 1, "iteration": 4, "loss": 0.5},
        {"kind": "epoch", "epoch": 1, "iteration": 5, "val/psnr": 30.0},
    ]


@pytest.mark.parametrize(("measured", "kept"), [(False, [3]), (True, [3, 5])])
def test_json_lines_keep_an_epoch_cut_short_once_it_is_measured(tmp_path, measured, kept):
    path = tmp_path / "metrics.jsonl"
    history = History()
    history.tell(JsonLines(path, None))
    for epoch, iteration in ((1, 3), (2, 5), (2, 6)):
        history.put(EPOCH, epoch, iteration, {})
    history.close()
    JsonLines(path, Position(epoch=2, step=2, iteration=5, measured=measured)).close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["iteration"] for row in rows] == kept


def test_tensorboard_holds_scalars_and_strips(tmp_path, rng):
    history = History()
    history.tell(TensorBoard(tmp_path, None))
    history.put(STEP, 1, 5, {"loss": 0.25})
    history.put(EPOCH, 1, 10, {"val/psnr": 30.0})
    pictures = [rng.integers(0, 255, (20, 30, 1), np.uint8) for _ in range(3)]
    history.show([("name", *pictures)], 1, 10)
    history.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("step/loss")] == [(5, 0.25)]
    assert [(e.step, e.value) for e in events.Scalars("val/psnr")] == [(10, 30.0)]
    strip = events.Images("samples/0")[0]
    assert (strip.step, strip.height, strip.width) == (10, 20, 90)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_drawn_on_a_terminal_only(monkeypatch, terminal):
    screen = io.StringIO()
    screen.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", screen)
    bar, history = ProgressBar(), History()
    history.tell(bar)
    bar.begin("epoch 1/2", total=4, done=1)
    history.put(STEP, 1, 2, {"loss": 0.125})
    for _ in range(3):
        bar.advance()
    history.close()
    drawn = screen.getvalue()
    assert drawn == "" if not terminal else "epoch 1/2" in drawn and "1/4" in drawn


def test_a_resumed_history_holds_every_epoch():
    first, second = History(), History()
    first.put(EPOCH, 1, 10, {"val/psnr": 30.0})
    first.put(STEP, 2, 12, {"loss": 0.1})
    second.load_state_dict(first.state_dict())
    second.put(EPOCH, 2, 20, {"val/psnr": 31.0})
    assert [record.flat()["val/psnr"] for record in second.epochs] == [30.0, 31.0]
