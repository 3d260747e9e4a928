"""What is listed is what a YAML can name."""

import importlib
from pathlib import Path

import pytest

from config.text import inline, parse_value
from engine.parts import KINDS, architecture_facts, default_of, find, signature
from modeling import ARCHITECTURES
from utils.errors import PartError
from utils.registry import REQUIRED, Registry

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("data", "engine", "modeling", "solver")


def test_every_registry_is_listed_and_its_room_has_it():
    registries = [
        (file.parent.name, name, value)
        for file in ROOT.glob("*/registries.py")
        for name, value in vars(importlib.import_module(f"{file.parent.name}.registries")).items()
        if isinstance(value, Registry)
    ]
    assert len(registries) >= 9
    assert {id(kind.registry) for kind in KINDS} == {id(registry) for *_, registry in registries}
    for room, name, registry in registries:  # engine.METRICS, data.DATASETS and the like
        assert getattr(importlib.import_module(room), name) is registry


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_every_part_says_what_it_is_and_its_defaults_can_be_typed(kind):
    for name in kind.registry.names():
        if kind.registry.get(name).__module__.partition(".")[0] not in ROOMS:
            continue  # another test's
        assert kind.registry.summary(name), name
        for argument, default in kind.registry.arguments(name).items():
            if default is not REQUIRED:
                assert default_of(default) == inline(default), (name, argument)


def test_what_the_framework_gives_is_not_listed():
    adam = next(kind for kind in KINDS if kind.title == "Optimizers").registry
    assert signature(adam, "SGD").startswith("SGD(momentum=0.0, ")
    assert "params" in adam.given


def test_find_takes_shell_patterns_in_any_case():
    found = {kind.title: names for kind, names in find("unet")}
    assert found == {"Architectures": ["UNet"]}
    assert {kind.title for kind, _ in find()} == {kind.title for kind in KINDS}


def test_nothing_found_is_an_error_with_a_proposal():
    with pytest.raises(PartError, match="no part is called 'Unett'; did you mean UNet"):
        list(find("Unett"))


def test_facts_are_the_networks_own():
    facts = architecture_facts("OriginalGlareUNet")
    assert "22,325,505 parameters; scale 1; gray;" in facts
    model = ARCHITECTURES.build("OriginalGlareUNet")
    assert str(model.descriptor.receptive_field) in facts


def test_defaults_read_back_as_they_are_typed():
    for value in (True, 3, "a: b", ""):
        read = parse_value(inline(value))
        assert getattr(read, "value", read) == (value or "")
    assert inline(None) == "None"
    assert (
        inline({"NAME": "L1", "ARGS": {"sizes": (1, 2.5)}}) == "{NAME: L1, ARGS: {sizes: [1, 2.5]}}"
    )
