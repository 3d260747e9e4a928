"""Lay a YAML file's values and overrides over the defaults, by the rules of the schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.node import Config, as_dict
from config.schema import (
    Arguments,
    Group,
    Leaf,
    ListOf,
    NamedMap,
    Rule,
    fresh,
    is_part,
    join,
    propose,
    rule_of,
)
from config.text import Scalar, parse_value
from utils.errors import ConfigError

# Weights and configs from before these options had their choices go on meaning what they meant.
_FORMER = {"DATASETS.CACHE": {True: "disk", False: "none"}}
_WANTED = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class Merge:
    """A config in the making.

    Args:
        defaults: every option with its default; changed in place.
    """

    def __init__(self, defaults: Config) -> None:
        self.cfg = defaults
        self.source = "config"
        self._rule = rule_of(defaults)
        self._sources: dict[str, str] = {}
        self._overridden: list[str] = []

    def source_of(self, key: str) -> str:
        """Where the value of `key` came from: a file, "override", or the last source there was."""
        while key and key not in self._sources:
            key = key.rpartition(".")[0]
        return self._sources.get(key, self.source)

    def tree(self, values: Mapping[str, Any], source: str) -> None:
        """Lay a whole tree of values over what stands.

        Raises:
            ConfigError: naming the source and the full key.
        """
        self.source = source
        self.cfg = self._fit(self._rule, values, self.cfg, "")

    def overrides(self, words: Sequence[str]) -> None:
        """Apply `KEY VALUE KEY VALUE ...` in order.

        Raises:
            ConfigError: naming "override" and the full key.
        """
        if not words:
            return
        self.source = "override"
        if len(words) % 2:
            raise ConfigError(f"override: {words[-1]!r} has no value; write KEY VALUE")
        for key, text in zip(words[::2], words[1::2], strict=True):
            try:
                given = parse_value(text)
            except ConfigError as error:
                raise self._error(key, f"{error}") from error
            self.cfg = self._assign(self._rule, self.cfg, key.split("."), given, "")
            self._sources[key] = self.source
            self._overridden.append(key)

    def _error(self, key: str, problem: str) -> ConfigError:
        return ConfigError(f"{self.source}: {key}: {problem}")

    def _fit(self, rule: Rule, given: Any, current: Any, key: str) -> Any:
        """What stands at `key` once `given` is laid over `current`."""
        if key:
            self._sources[key] = self.source
        if isinstance(rule, Leaf):
            return self._leaf(rule.default, given, key)
        if isinstance(rule, ListOf):
            if not isinstance(given, (list, tuple)):
                raise self._error(key, f"needs a list such as [a, b], not {_show(given)}")
            return [
                self._fit(rule.element, element, fresh(rule.element), join(key, index))
                for index, element in enumerate(given)
            ]
        if not isinstance(given, Mapping):
            raise self._error(key, f"needs a mapping such as {_example(rule)}, not {_show(given)}")
        if isinstance(rule, Arguments):
            return Config(_bare(given))
        if isinstance(rule, NamedMap):
            return Config(
                {
                    name: self._fit(rule.entry, entry, fresh(rule.entry), join(key, name))
                    for name, entry in given.items()
                }
            )
        # NAME first: it may drop the ARGS that stand, never the ones given with it.
        for word in sorted(given, key=lambda word: word != "NAME"):
            inner = self._member(rule, word, key)
            value = self._fit(inner, given[word], current[word], join(key, word))
            self._put(rule, current, word, value, key)
        return current

    def _assign(self, rule: Rule, current: Any, words: list[str], given: Any, key: str) -> Any:
        """What stands at `key` once the value `words` below it is set to `given`."""
        if not words:
            return self._fit(rule, given, current, key)
        word, rest = words[0], words[1:]
        here = join(key, word)
        if isinstance(rule, Leaf):
            raise self._error(
                join(here, ".".join(rest)) if rest else here, f"unknown key; did you mean {key}?"
            )
        if isinstance(rule, Arguments):
            return self._argument(current, words, given, key)
        if isinstance(rule, ListOf):
            index = self._index(current, word, here)
            current[index] = self._assign(rule.element, current[index], rest, given, here)
        elif isinstance(rule, NamedMap):
            if not word:
                raise self._error(here, "a name is missing after the dot")
            entry = current[word] if word in current else fresh(rule.entry)
            current[word] = self._assign(rule.entry, entry, rest, given, here)
        else:
            inner = self._member(rule, word, key)
            value = self._assign(inner, current[word], rest, given, here)
            self._put(rule, current, word, value, key)
        return current

    def _argument(self, current: Any, words: list[str], given: Any, key: str) -> Any:
        """`_assign` below ARGS, where keys may be new and no default gives a type."""
        if not words:
            return _bare(given)
        word, rest = words[0], words[1:]
        here = join(key, word)
        if isinstance(current, list):
            index = self._index(current, word, here)
            current[index] = self._argument(current[index], rest, given, here)
        elif isinstance(current, Config):
            if not word:
                raise self._error(here, "a name is missing after the dot")
            below = current[word] if word in current else Config()
            current[word] = self._argument(below, rest, given, here)
        else:
            raise self._error(here, f"{key} is {current!r}, one value")
        return current

    def _member(self, rule: Group, word: str, key: str) -> Rule:
        if word not in rule.rules:
            problem = f"unknown key; {propose(rule, key, word, self._rule)}"
            raise self._error(join(key, word), problem)
        return rule.rules[word]

    def _index(self, current: Sequence[Any], word: str, here: str) -> int:
        if word.isdecimal() and int(word) < len(current):
            return int(word)
        known = f"use 0 to {len(current) - 1}" if current else "the list is empty; set all of it"
        raise self._error(here, f"unknown index; {known}")

    def _put(self, rule: Group, current: Config, word: str, value: Any, key: str) -> None:
        """Set one key of a group; a part that changes its NAME loses the ARGS of the old one."""
        if word == "NAME" and is_part(rule) and value != current.NAME:
            arguments = join(key, "ARGS")
            for earlier in self._overridden:
                if current.ARGS and f"{earlier}.".startswith(f"{arguments}."):
                    raise self._error(earlier, f"would be dropped; put {key}.NAME before it")
            current.ARGS = Config()
        current[word] = value

    def _leaf(self, default: Any, given: Any, key: str) -> Any:
        value = given.value if isinstance(given, Scalar) else given
        if isinstance(value, (Mapping, list, tuple)):
            raise self._error(key, f"needs {_wanted(default)}, not {_show(given)}")
        if type(value) is bool and key in _FORMER:
            return _FORMER[key][value]
        if default is None:
            return value
        if value is None:
            raise self._error(key, f"cannot be None; needs {_wanted(default)}")
        if isinstance(default, str):
            return given.text if isinstance(given, Scalar) else str(given)
        if type(default) is float and type(value) is int:
            try:
                return float(value)
            except OverflowError as error:
                raise self._error(key, "the number is too large") from error
        if type(value) is not type(default):
            raise self._error(key, f"needs {_wanted(default)}, not {_show(given)}")
        return value


def _wanted(default: Any) -> str:
    if default is None:
        return "one value or None"
    example = f", such as {default}" if default != "" else ""
    return _WANTED[type(default)] + example


def _example(rule: Rule) -> str:
    if is_part(rule):
        return "{NAME: ..., ARGS: {...}}"
    return "{argument: value}" if isinstance(rule, Arguments) else "{KEY: value}"


def _show(given: Any) -> str:
    if isinstance(given, Scalar):
        return given.text or "nothing"
    return repr(_bare(given))


def _bare(given: Any) -> Any:
    """A parsed value without the memory of its text."""
    if isinstance(given, Scalar):
        return given.value
    if isinstance(given, Mapping):
        return as_dict({key: _bare(value) for key, value in given.items()})
    if isinstance(given, (list, tuple)):
        return [_bare(element) for element in given]
    return given
