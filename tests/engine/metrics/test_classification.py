"""Figures of verdicts against counts worked out by hand."""

import pytest
import torch

from config import from_dict
from engine.classification import count_verdicts
from engine.metrics import CLASSIFICATION_METRICS, build_classification_metrics
from engine.metrics.classification import Counts
from utils.errors import ConfigError

EXPECTED = {  # of 8 positives 6 found, of 12 negatives 3 called positive
    "Precision": 6 / 9,
    "Recall": 6 / 8,
    "F1": 12 / 17,
    "Accuracy": 15 / 20,
    "FalsePositiveRate": 3 / 12,
}


def test_every_figure_is_its_definition():
    counts = Counts(tp=6, fp=3, tn=9, fn=2)
    figures = {
        name: CLASSIFICATION_METRICS.build(name).compute(counts)
        for name in CLASSIFICATION_METRICS.names()
    }
    assert figures == pytest.approx(EXPECTED)
    precision, recall = figures["Precision"], figures["Recall"]
    assert figures["F1"] == pytest.approx(2 / (1 / precision + 1 / recall))


@pytest.mark.parametrize("name", CLASSIFICATION_METRICS.names())
def test_nothing_to_take_a_share_of_is_zero(name):
    assert CLASSIFICATION_METRICS.build(name).compute(Counts()) == 0


def test_the_earlier_projects_figures_are_consistent_with_each_other():
    """.944 and .901 give an F1 of .922."""
    counts = Counts(tp=901, fn=99, fp=901 * (1 / 0.944 - 1))
    assert CLASSIFICATION_METRICS.build("F1").compute(counts) == pytest.approx(0.922, abs=5e-4)


def test_verdicts_are_counted_above_a_half():
    probability = torch.tensor([0.9, 0.5, 0.51, 0.2, 0.7])
    label = torch.tensor([1, 1, 0, 0, 1])
    assert count_verdicts(probability, label).tolist() == [2, 1, 1, 1]


def test_a_restorations_metric_is_none_of_a_classifiers():
    cfg = from_dict({"METRICS": {"psnr": {"NAME": "PSNR"}}})
    with pytest.raises(ConfigError, match=r"METRICS\.psnr\.NAME: no classification metric .*F1"):
        build_classification_metrics(cfg)
