"""What the pages say is true: links, paths, options, commands, and code that runs."""

import re
from functools import reduce
from pathlib import Path

import pytest
import torch

from config import get_defaults, load_config
from config.reference import options
from engine.parts import KINDS
from tests.markdown import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "weights").glob("*.md"))
ROOMS = sorted((ROOT / "docs" / "rooms").glob("*.md"))
# What a run or a user makes is not in the repository.
FOLDERS = ("configs", "config", "data", "docs", "engine", "layers", "modeling", "serving", "solver")
FOLDER = f"(?:{'|'.join(FOLDERS)}|tests|deploy|tools|utils|weights)"
PATH = re.compile(rf"(?<![\w/.$-])({FOLDER}/[\w./-]*\w/?)(?![\w*])")
KEY = re.compile(r"(?<![\w.$-])([A-Z][A-Z_]{2,}(?:\.\w+)+)")
GROUPS = {key for key, value in get_defaults().items() if isinstance(value, dict)}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_path_named_exists(page):
    paths = set(PATH.findall(page.read_text(encoding="utf-8")))
    made = {block.file for block in blocks(page)}  # the reader's own files
    assert {path for path in paths - made if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_option_named_exists(page):
    known = [option.key for option in options()]
    unknown = set()
    text = page.read_text(encoding="utf-8")
    for block in blocks(page, "python"):  # runs, and may show what a wrong key gives
        text = text.replace(block.text, "")
    for key in KEY.findall(text):
        inner = key.partition(".ARGS")[0]
        below = any(inner.startswith(f"{option}.") for option in known)  # METRICS.psnr, TEST.NAME
        if key.partition(".")[0] in GROUPS and not below:
            try:
                reduce(lambda node, word: node[word], inner.split("."), get_defaults())
            except (KeyError, TypeError):
                unknown.add(key)
    assert unknown == set()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_flag_of_a_command_exists(page):
    for block in blocks(page, "sh"):
        for command in block.text.replace("\\\n", " ").splitlines():
            tool = re.search(r"(tools/\w+\.py)(.*)", command.partition(" #")[0])
            if tool:
                source = (ROOT / tool[1]).read_text() + (ROOT / "utils/command_line.py").read_text()
                for flag in re.findall(r"(?<=\s)--?[a-z][\w-]*", tool[2]):
                    assert f'"{flag}"' in source, command


@pytest.fixture
def registries(monkeypatch):
    """What pages register is forgotten."""
    for kind in KINDS:
        monkeypatch.setattr(kind.registry, "_parts", dict(kind.registry._parts))


@pytest.mark.parametrize("page", ROOMS, ids=named)
def test_the_code_on_each_room_runs(page, registries, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = {"__name__": f"page_{page.stem}"}
    code = blocks(page, "python")
    assert code
    for block in code:
        exec(compile(block.text, named(page), "exec"), names)
    for block in blocks(page, "yaml"):
        (tmp_path / "part.yml").write_text(block.text)
        load_config(tmp_path / "part.yml")


def test_every_room_has_a_page_and_every_page_is_in_the_index():
    rooms = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert {page.stem for page in ROOMS} == rooms
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages - {"README.md"} if f"({page})" not in index} == set()
