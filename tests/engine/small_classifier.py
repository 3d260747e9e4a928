"""A small classifier that learns what `Differences` shows within seconds, and its runs."""

import numpy as np
from torch import nn

from config import from_dict
from modeling import CLASSIFIERS
from modeling.descriptor import ClassifierDescriptor
from utils.images import write_image


@CLASSIFIERS.register
class SmallClassifier(nn.Module):
    """Two convolutions and a mean."""

    descriptor = ClassifierDescriptor(classes=("clean", "pixelated"))

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 2),
        )

    def forward(self, x):
        return self.layers(x)


def write_pictures(folder, count, seed):
    """Smooth pictures with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :48] / 48
    for number in range(count):
        waves = 128 + 60 * np.sin(9 * rng.random() * x + 9 * rng.random() * y)
        picture = waves[..., None] + rng.normal(0, 12, (48, 48, 3))
        write_image(folder / f"{number}.png", picture.clip(0, 255).astype(np.uint8))


def small_config(folder, **changes):
    """A run of 60 steps on pictures below `folder`."""
    for seed, split in enumerate(("train", "val")):
        write_pictures(folder / split, 12, seed)
    splits = {
        split.upper(): {"NAME": "CleanFolder", "ARGS": {"folder": str(folder / split)}}
        for split in ("train", "val")
    }
    return from_dict(
        {
            "OUTPUT_DIR": str(folder / "run"),
            "DEVICE": "cpu",
            "LEARNER": {"NAME": "Classification"},
            "MODEL": {"NAME": "SmallClassifier"},
            "LOSSES": {"cross_entropy": {"NAME": "CrossEntropy"}},
            "DATASETS": splits,
            "DATA": {
                "LABELLER": {"NAME": "Pixelation", "ARGS": {"factor": [2.0, 3.0]}},
                "REPRESENTATION": {"NAME": "Differences", "ARGS": {"size": 32}},
                "WORKERS": 0,
                "BATCH_SIZE": 8,
                "EPOCH_SIZE": 240,
            },
            "SOLVER": {"LR": 1e-2, "EPOCHS": 2},
            "VALIDATION": {"TRACK": "f1"},
            "METRICS": {"f1": {"NAME": "F1"}, "accuracy": {"NAME": "Accuracy"}},
            **changes,
        }
    )
