"""The options with their defaults and comments, read from where they are written."""

import ast
import inspect
import tokenize
from dataclasses import dataclass
from functools import reduce
from io import StringIO
from typing import Any

from config import defaults


@dataclass(frozen=True)
class Option:
    """One option: its full key, its default, and what its comment says."""

    key: str
    default: Any
    comment: str


def options() -> list[Option]:
    """Every option in the order of `config/defaults.py`; nodes that only group others are not."""
    source = inspect.getsource(defaults)
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    cfg = defaults.get_defaults()
    found = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0])[:3] == "_C.":
            key = ast.unparse(statement.targets[0]).removeprefix("_C.")
            default = reduce(lambda node, word: node[word], key.split("."), cfg)
            comment = comments.get(statement.end_lineno or 0, "")
            if comment or not isinstance(default, dict):
                found.append(Option(key, default, comment))
    return found
