"""Training and validation as shares of one data set."""

import json

import numpy as np
import pytest

from tests.engine.trainer.small_runs import run
from utils.errors import TrainingError
from utils.images import write_image


@pytest.fixture
def divided(make, pairs):
    """A config whose two splits are shares of the six pairs."""

    def build(name):
        cfg = make(name)
        for split in ("TRAIN", "VAL"):
            arguments = cfg.DATASETS[split].ARGS
            for half in ("input", "target"):
                arguments[half] = str(pairs / "train" / half)
            arguments["shares"] = 0.67
        return cfg

    return build


def test_the_split_is_written_and_kept_by_a_resumed_run(divided, pairs):
    cfg = divided("run")
    trainer = run(cfg)
    (record,) = json.loads((trainer.output.path / "split.json").read_text())
    assert record["place"] == str(pairs / "train/target")
    read = {
        split: [pair.name for pair in loader.samples.source.pairs]
        for split, loader in (
            ("train", trainer.parts.train_loader),
            ("val", trainer.parts.val_loader),
        )
    }
    assert record["names"] == read and sorted(sum(read.values(), [])) == list("012345")
    cfg.SOLVER.EPOCHS = 3
    run(cfg, resume=True)
    for split in ("TRAIN", "VAL"):
        cfg.DATASETS[split].ARGS["seed"] = 1
    cfg.SOLVER.EPOCHS = 4
    with pytest.raises(TrainingError, match=r"split.json: .* was divided otherwise"):
        run(cfg, resume=True)
    assert json.loads((trainer.output.path / "split.json").read_text()) == [record]


def test_a_picture_more_changes_the_split_and_is_told(make, tmp_path, rng):
    cfg = make()
    for split in ("TRAIN", "VAL"):
        cfg.DATASETS[split].ARGS = {"shares": 0.5}
        for half in ("input", "target"):
            cfg.DATASETS[split].ARGS[half] = str(tmp_path / half)

    def add(name):
        image = rng.integers(0, 256, (6, 7, 1), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
        for half in ("input", "target"):
            (tmp_path / half).mkdir(exist_ok=True)
            write_image(tmp_path / half / f"{name}.png", image)

    for number in range(8):
        add(number)
    run(cfg)
    add("a")
    cfg.SOLVER.EPOCHS = 3
    with pytest.raises(TrainingError, match="was divided otherwise"):
        run(cfg, resume=True)
