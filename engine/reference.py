"""The option reference, docs/configuration.md, written from the defaults and the parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from config.reference import Option, options
from config.text import inline
from engine.parts import Kind, architecture_facts, default_of, find
from modeling import ARCHITECTURES
from utils.registry import REQUIRED

_HEAD = """\
# Every option and every part

Written by `make docs` from `config/defaults.py` and the parts' own signatures: change those.

A YAML file states only what differs from the defaults; `KEY VALUE` pairs on the command line
override it, `SOLVER.LR 5e-4`. An unknown key, part or argument is an error that proposes the
nearest known one. A part is named by `{NAME: ..., ARGS: {...}}`; an argument without a default
must be given. `tools/list_parts.py` shows the parts in a terminal, your own included.

## Options"""


def configuration_page() -> str:
    """The whole page, in Markdown, for the parts of this repository; plug-ins are left out."""
    sections = [_HEAD, _options_table(options()), "## Parts"]
    for kind, names in find():
        ours = [name for name in names if _is_ours(kind, name)]
        sections += [f"### {kind.title}: `{kind.place}`", _parts_table(kind, ours)]
    return "\n\n".join(sections) + "\n"


def _is_ours(kind: Kind, name: str) -> bool:
    room = kind.registry.get(name).__module__.partition(".")[0]
    return room in ("data", "engine", "modeling", "solver")


def _options_table(known: Iterable[Option]) -> str:
    rows = [(f"`{option.key}`", f"`{inline(option.default)}`", option.comment) for option in known]
    return _table(("key", "default", "what it is"), rows)


def _parts_table(kind: Kind, names: Iterable[str]) -> str:
    rows = []
    for name in names:
        arguments = kind.registry.arguments(name).items()
        cell = ", ".join(
            f"`{argument}`" if default is REQUIRED else f"`{argument}: {default_of(default)}`"
            for argument, default in arguments
        )
        told = kind.registry.summary(name)
        if kind.registry is ARCHITECTURES:
            told = "<br>".join(filter(None, (told, architecture_facts(name))))
        rows.append((f"`{name}`", cell, told))
    return _table(("NAME", "ARGS", "what it is"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_row(cells) for cells in (head, ("---",) * len(head), *rows))


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
