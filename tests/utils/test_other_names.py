import inspect

import pytest

from utils.errors import ConfigError, PartError
from utils.other_names import also_called
from utils.registry import Registry, build_part


class Drawn:
    """A part that another program calls otherwise."""

    @also_called(num_feat="features", breadth="width")
    def __init__(self, features, width=3):
        self.features, self.width = features, width


@pytest.fixture
def registry():
    registry = Registry("network")
    registry.register(Drawn)
    return registry


@pytest.mark.parametrize("arguments", [{"features": 5, "width": 7}, {"num_feat": 5, "breadth": 7}])
def test_both_names_are_taken(registry, arguments):
    for part in (Drawn(**arguments), registry.build("Drawn", **arguments)):
        assert (part.features, part.width) == (5, 7)


def test_one_argument_under_two_names_is_refused(registry):
    with pytest.raises(TypeError, match="features is given twice, under two names"):
        Drawn(features=5, num_feat=5)
    spec = {"NAME": "Drawn", "ARGS": {"num_feat": 5, "features": 5}}
    with pytest.raises(ConfigError, match=r"MODEL\.ARGS: network Drawn refuses them: features is"):
        build_part(registry, spec, "MODEL")


def test_what_people_see_are_the_own_names(registry):
    assert [*registry.arguments("Drawn")] == ["features", "width"]
    assert [*inspect.signature(Drawn).parameters] == ["features", "width"]


def test_unknown_and_missing_arguments_are_still_refused(registry):
    with pytest.raises(PartError, match="takes no argument 'num_faet'; did you mean num_feat"):
        registry.build("Drawn", num_faet=5)
    with pytest.raises(PartError, match="needs the argument 'features'"):
        registry.build("Drawn", breadth=5)
