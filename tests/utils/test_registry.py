"""Parts by name, their arguments checked against their own signatures."""

import pytest

from utils.errors import ConfigError, PartError
from utils.registry import REQUIRED, Registry, build_part, did_you_mean


class Plain:
    def __init__(self, size, scale=2):
        if size < 0:
            raise ValueError("size must not be negative")
        self.size, self.scale = size, scale


class Open:
    def __init__(self, **anything):
        self.anything = anything


@pytest.fixture
def registry():
    registry = Registry("network", given=("scale",))
    registry.register(Plain)
    registry.register(Open)
    return registry


def test_a_part_is_built_by_name(registry):
    part = registry.build("Plain", size=3)
    assert (type(part), part.size, part.scale) == (Plain, 3, 2)
    assert registry.names() == ["Open", "Plain"]


def test_register_returns_the_class_for_use_as_a_decorator(registry):
    assert registry.register(Plain) is Plain


def test_a_name_taken_by_another_module_is_refused(registry):
    stranger = type("Plain", (), {"__module__": "my_lab.models"})
    with pytest.raises(PartError, match=r"Plain of my_lab\.models is already registered"):
        registry.register(stranger)


def test_an_unknown_name_proposes_the_nearest(registry):
    with pytest.raises(
        PartError, match="no network is called 'plain'; did you mean Plain"
    ) as caught:
        registry.build("plain")
    assert caught.value.argument is None


def test_an_unknown_argument_proposes_the_nearest(registry):
    with pytest.raises(PartError, match="no argument 'szie'; did you mean size") as caught:
        registry.build("Plain", szie=3)
    assert caught.value.argument == "szie"


def test_a_missing_argument_is_named(registry):
    with pytest.raises(PartError, match="needs the argument 'size'"):
        registry.build("Plain")


def test_a_part_that_takes_anything_gets_anything(registry):
    assert registry.build("Open", name=1, kind=2).anything == {"name": 1, "kind": 2}


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"NAME": "Plian", "ARGS": {}}, "MODEL.NAME: "),
        ({"NAME": "Plain", "ARGS": {"sise": 1}}, "MODEL.ARGS.sise: "),
        ({"NAME": "Plain", "ARGS": {}}, "MODEL.ARGS.size: "),
        ({"NAME": "Plain", "ARGS": {"size": -1}}, "MODEL.ARGS: network Plain refuses them: size"),
        ({"NAME": "Plain", "ARGS": {"size": "big"}}, "MODEL.ARGS: network Plain refuses them"),
        ({"ARGS": {}}, "MODEL.NAME: is missing; known: "),
        ({"NAME": "Plain", "ARGS": {"size": 1, "scale": 4}}, "MODEL.ARGS.scale: is set by the"),
    ],
)
def test_build_part_names_the_key(registry, spec, place):
    with pytest.raises(ConfigError) as caught:
        build_part(registry, spec, "MODEL", scale=3)
    assert str(caught.value).startswith(place)


def test_an_argument_that_a_part_stumbles_over_is_no_traceback(registry):
    class Stumbling:
        def __init__(self, word):
            self.word = word.lower()

    registry.register(Stumbling)
    with pytest.raises(ConfigError, match=r"LEARNER\.ARGS: network Stumbling cannot be .*'lower'"):
        build_part(registry, {"NAME": "Stumbling", "ARGS": {"word": 5}}, "LEARNER")


def test_build_part_joins_arguments_and_what_the_framework_gives(registry):
    part = build_part(registry, {"NAME": "Plain", "ARGS": {"size": 1}}, "MODEL", scale=3)
    assert (part.size, part.scale) == (1, 3)
    assert build_part(registry, {"NAME": "Open"}, "MODEL").anything == {}


def test_what_the_framework_gives_is_stated(registry):
    with pytest.raises(AssertionError, match="size"):
        build_part(registry, {"NAME": "Plain"}, "MODEL", size=3)


def test_arguments_are_those_a_config_can_name(registry):
    assert registry.arguments("Plain") == {"size": REQUIRED}
    assert registry.arguments("Open") == {}


def test_the_summary_is_the_first_line_of_the_docstring(registry):
    @registry.register
    class Told:
        """What it is.

        More of it.
        """

    assert registry.summary("Told") == "What it is."
    assert registry.summary("Plain") == ""


def test_did_you_mean_falls_back_to_all_that_is_known():
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"
    assert did_you_mean("zzz", []) == "known: none"
    assert did_you_mean("unet", ["UNet", "EDSR"]) == "did you mean UNet?"
