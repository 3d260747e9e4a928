"""From YAML text to values and back: the one way a value enters or leaves a config.

Plain scalars follow the YAML 1.2 core schema (1e-4 is a float; yes, 1:30 and 2024-01-01 are text),
with `None` beside null. A key that stands twice is an error. Nothing is ever executed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from utils.errors import ConfigError
from utils.registry import did_you_mean

_TAG = "tag:yaml.org,2002:"
_PATTERNS = {
    "null": r"~|null|Null|NULL|None|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}


@dataclass(frozen=True)
class Scalar:
    """A number, truth value or None, with the text it was written as ("007" may be a name)."""

    value: bool | int | float | None
    text: str


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict = {}  # YAML 1.1's rules, left out


class _Dumper(yaml.SafeDumper):
    # YAML 1.1's rules stay beside ours, so that what either would misread is quoted.

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values twice rather than as an anchor and a reference."""
        return True


for _name, _pattern in _PATTERNS.items():
    _regexp = re.compile(rf"(?:{_pattern})\Z")
    _Loader.add_implicit_resolver(_TAG + _name, _regexp, None)
    _Dumper.add_implicit_resolver(_TAG + _name, _regexp, None)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds: str, `Scalar`, list and dict; {} for an empty file.

    Raises:
        ConfigError: naming the file, and the line where there is one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        beside = [str(other) for other in path.parent.glob("*.y*ml")]
        raise ConfigError(f"{path}: no such file; {did_you_mean(str(path), beside)}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8 text, so no YAML file") from error
    try:
        node = yaml.compose(text, Loader=_Loader)
        value = {} if node is None else _value(node, ())
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path}: {_problem(error)}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: the top level must be a mapping of options, KEY: value")
    return value


def parse_value(text: str) -> Any:
    """The value that an override's text stands for: str, `Scalar`, list or dict.

    What does not parse as a scalar, a [list] or a {mapping} from end to end is a string as it
    stands: `{}_x4`, `C:/x:y`, `a=b`, `a # b`, `run: this`, `!a b`.

    Raises:
        ConfigError: a {mapping} with a key that stands twice or is no text.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError):
        return text
    if (
        node is None
        or text.lstrip().startswith("!")
        or text[node.start_mark.index : node.end_mark.index] != text.strip()
    ):
        return text
    if isinstance(node, yaml.ScalarNode):
        if node.tag == f"{_TAG}str" and node.style is None:
            return text
    elif not node.flow_style:
        return text
    return _value(node, ())


def to_yaml(values: Mapping[str, Any]) -> str:
    """Plain values as YAML, in their order; read back they are the same."""
    return yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )


def inline(value: Any) -> str:
    """A plain value in one line of YAML, as one would type it: `None`, `[1, 2]`, `{NAME: L1}`."""
    if value is None:
        return "None"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {inline(each)}' for key, each in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(inline, value))}]"
    return yaml.dump(value, Dumper=_Dumper, width=float("inf")).removesuffix("...\n").rstrip()


def _problem(error: Exception) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"is no YAML: {' '.join(str(error).split())}"
    line = error.problem_mark.line + 1
    return f"line {line}: is no YAML: {error.problem}; quote text that holds : # or brackets"


def _value(node: yaml.Node, above: tuple[yaml.Node, ...]) -> Any:
    line = node.start_mark.line + 1
    if any(node is other for other in above):
        raise ConfigError(f"line {line}: a value cannot hold itself")
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, kind, line)
    above = (*above, node)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_value(element, above) for element in node.value]
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return _mapping(node, above)
    raise ConfigError(f"line {line}: the tag {node.tag} is not allowed")


def _mapping(node: yaml.MappingNode, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _value(key_node, above)
        if not isinstance(key, str):
            raise ConfigError(f"line {line}: a key must be text; quote {key_node.value}")
        if key in values:
            raise ConfigError(f"line {line}: the key {key} stands twice; keep one")
        values[key] = _value(value_node, above)
    return values


def _scalar(node: yaml.ScalarNode, kind: str, line: int) -> str | Scalar:
    text = node.value
    if kind == "str":
        return text
    if kind not in _PATTERNS or not re.fullmatch(_PATTERNS[kind], text):
        raise ConfigError(f"line {line}: the tag {node.tag} does not fit {text!r}")
    if kind == "null":
        return Scalar(None, text)
    if kind == "bool":
        return Scalar(text.lower() == "true", text)
    if kind == "int":
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return Scalar(int(text, base), text)
    # YAML writes infinity and not-a-number with a dot that Python does without.
    return Scalar(float(re.sub(r"\.(?=[a-zA-Z])", "", text)), text)
