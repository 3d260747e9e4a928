"""tools/list_parts.py as a user runs it."""

from functools import partial

import pytest

from tests import forks

PLUGIN = '''\
from data import DEGRADATIONS


@DEGRADATIONS.register
class ListedFog:
    """Fog that thickens with the distance.

    Not shown.
    """

    def __init__(self, density, colour=(0.5, 0.5, 0.5), seen=None):
        pass
'''


@pytest.fixture
def run(tmp_path):
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "weather.py").write_text(PLUGIN)
    (tmp_path / "my_lab.yml").write_text("PLUGINS: [my_lab.weather]\n")

    return partial(forks.run, "list_parts", folder=tmp_path)


def test_an_architecture_that_states_nothing_is_listed_all_the_same(run, tmp_path):
    (tmp_path / "bare.py").write_text(
        "from torch import nn\nfrom modeling import ARCHITECTURES\n"
        "ARCHITECTURES.register(type('BareNet', (nn.Module,), {'__module__': 'bare'}))\n"
    )
    done = run("--plugin", "bare", "BareNet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "BareNet()" in done.stdout


@pytest.mark.parametrize("words", [["--plugin", "my_lab.weather"], ["--config-file", "my_lab.yml"]])
def test_parts_from_outside_are_listed(run, words):
    done = run(*words, "listed*")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Degradations (DATA.DEGRADATIONS)",
        "  ListedFog(density, colour=[0.5, 0.5, 0.5], seen=None)",
        "      Fog that thickens with the distance.",
        "",
    ]


def test_an_unknown_name_is_one_line_with_a_proposal(run):
    done = run("Bicubix")
    assert done.returncode == 2
    assert done.stderr == "error: no part is called 'Bicubix'; did you mean Bicubic?\n"
