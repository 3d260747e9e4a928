"""What a run refuses before it has written anything."""

import pytest

from engine.trainer import Trainer
from utils.errors import ConfigError


def test_refuses_to_validate_on_the_training_pictures(make, tmp_path):
    cfg = make()
    cfg.DATASETS.VAL = cfg.DATASETS.TRAIN.clone()
    with pytest.raises(ConfigError, match=r"DATASETS\.VAL: is the same data set"):
        Trainer(cfg)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"VALIDATION__TRACK": "pnsr"}, r"VALIDATION\.TRACK: .*did you mean psnr"),
        ({"DATA__CHANNELS": 3}, r"DATA\.CHANNELS: is 3, but MODEL TinyNet takes 1"),
        ({"MODEL__NAME": "Gamma"}, r"MODEL\.NAME: Gamma has nothing to learn"),
        ({"LEARNER__NAME": "Supervise"}, r"LEARNER\.NAME: .*did you mean Supervised"),
        ({"LOSSES__lr": {"NAME": "L1"}}, r"LOSSES\.lr: this name stands for something else"),
        ({"LOSSES__psnr": {"NAME": "L1"}}, r"LOSSES\.psnr: METRICS has a psnr too, .*val/psnr"),
        ({"DATASETS__VAL__NAME": ""}, r"DATASETS\.VAL\.NAME: is empty"),
    ],
)
def test_wrong_options_are_named_before_anything_is_written(make, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        Trainer(make(**options))
    assert not (tmp_path / "run").exists()
