"""docs/configuration.md is what the code says."""

from pathlib import Path

from engine.reference import configuration_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def test_the_option_reference_is_up_to_date():
    written = PAGE.read_text(encoding="utf-8")
    assert written == configuration_page(), "options or parts have changed: run `make docs`"


def test_it_holds_options_and_parts():
    page = configuration_page()
    assert "| `SOLVER.LR` | `0.0001` | base learning rate" in page
    assert "| `RandomCrop` | `size` |" in page
