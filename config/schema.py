"""What may stand at each key of a config, told from the defaults."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from config.node import Config
from utils.registry import did_you_mean

_PART = {"NAME": "", "ARGS": Config()}
_ENTRIES = {
    "SOLVER.NETWORKS": {"OPTIMIZER": _PART, "LR": None, "SCHEDULER": _PART},
    "LOSSES": {"NAME": "", "WEIGHT": 1.0, "ARGS": Config()},
    "METRICS": _PART,
    "BASELINES": _PART,
}
_ELEMENTS = {"PLUGINS": "", "DATA.TRANSFORMS": _PART, "DATA.DEGRADATIONS": _PART}


@dataclass(frozen=True)
class Group:
    """A node whose keys are fixed."""

    rules: dict[str, "Rule"]


@dataclass(frozen=True)
class NamedMap:
    """A node whose keys the user names; each entry obeys one rule."""

    entry: "Rule"


@dataclass(frozen=True)
class ListOf:
    """A list; each element obeys one rule."""

    element: "Rule"


@dataclass(frozen=True)
class Arguments:
    """The ARGS of a part: the part's own signature says what fits."""


@dataclass(frozen=True)
class Leaf:
    """One value, of the type of its default."""

    default: Any


Rule = Group | NamedMap | ListOf | Arguments | Leaf


def rule_of(default: Any, key: str = "") -> Rule:
    """The rule for `key`, whose default is `default`; the root's key is empty."""
    if key in _ENTRIES:
        return NamedMap(rule_of(_ENTRIES[key], "entry"))
    if key in _ELEMENTS:
        return ListOf(rule_of(_ELEMENTS[key], "element"))
    if key.endswith(".ARGS"):
        return Arguments()
    if isinstance(default, Mapping):
        return Group({name: rule_of(value, join(key, name)) for name, value in default.items()})
    return Leaf(default)


def is_part(rule: Rule) -> bool:
    """Whether a node of this rule names a part by NAME and ARGS."""
    return isinstance(rule, Group) and "NAME" in rule.rules and "ARGS" in rule.rules


def fresh(rule: Rule) -> Any:
    """What stands where nothing was said."""
    if isinstance(rule, Group):
        return Config({name: fresh(inner) for name, inner in rule.rules.items()})
    if isinstance(rule, ListOf):
        return []
    return rule.default if isinstance(rule, Leaf) else Config()


def join(key: str, word: object) -> str:
    """The full key of `word` below `key`."""
    return f"{key}.{word}" if key else str(word)


def propose(rule: Group, key: str, word: str, root: Rule) -> str:
    """A proposal for the unknown `word` below `key`: a near sibling, else a namesake elsewhere."""
    lowered = {name.lower(): name for name in rule.rules}
    nearest = get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)
    proposals = [join(key, lowered[name]) for name in nearest]
    if not proposals:
        last = re.compile(rf"(.*\.)?{re.escape(word)}", re.IGNORECASE)
        proposals = [known for known in _keys(root, "") if last.fullmatch(known)]
    if proposals:
        return f"did you mean {' or '.join(proposals)}?"
    return did_you_mean(word, rule.rules)


def _keys(rule: Rule, key: str) -> Iterator[str]:
    if key:
        yield key
    if isinstance(rule, Group):
        for name, inner in rule.rules.items():
            yield from _keys(inner, join(key, name))
