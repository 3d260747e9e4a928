"""The five systems: each choice is the network that its name says, from weights that are there."""

from pathlib import Path

import pytest

from engine.model_files import load_model
from engine.systems import DETECTION_METHODS, DETECTION_WEIGHTS, SYSTEMS

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
CALLED = {"SRGAN": "SRResNet", "depixelate": "TinySRGAN"}  # by their training, not by their class


def test_the_systems_are_five_and_glare_comes_first():
    names = ["glare", "low-light", "super-resolution", "pixelation", "mouth"]
    assert list(SYSTEMS) == names == [system.name for system in SYSTEMS.values()]
    assert SYSTEMS["glare"].default == WEIGHTS / "glare_unet.safetensors"
    assert SYSTEMS["pixelation"].default == WEIGHTS / "depixelate_x4.safetensors"


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_choice_is_the_network_it_is_called_after(name):
    for choice, file in SYSTEMS[name].weights.items():
        assert type(load_model(file).model).__name__ == CALLED.get(choice, choice)


def test_methods_of_detection_begin_with_the_default():
    assert list(DETECTION_METHODS) == ["edges", "plain"]
    assert DETECTION_METHODS["edges"] == DETECTION_WEIGHTS
    assert all(file.is_file() for file in DETECTION_METHODS.values())
