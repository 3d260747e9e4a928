"""Every option of the defaults has a rule, a comment, and a value its own rule accepts."""

import re
from pathlib import Path

import config.defaults
from config import as_dict, from_dict, get_defaults
from config.check import _AT_LEAST, _CHOICES
from config.schema import _ELEMENTS, _ENTRIES, Arguments, Group, fresh, rule_of


def at(cfg, key):
    for word in key.split("."):
        cfg = cfg[word]
    return cfg


def test_what_stands_where_nothing_was_said_is_the_defaults():
    assert fresh(rule_of(get_defaults())) == get_defaults()


def test_the_defaults_obey_their_own_rules():
    assert as_dict(from_dict(as_dict(get_defaults()))) == as_dict(get_defaults())


def test_keys_named_by_the_rules_exist():
    for key in (*_ENTRIES, *_ELEMENTS, *_AT_LEAST, *_CHOICES):
        at(get_defaults(), key)


def test_every_args_is_open_and_empty():
    def walk(rule, cfg):
        for name, inner in rule.rules.items():
            if name == "ARGS":
                assert isinstance(inner, Arguments) and cfg[name] == {}
            elif isinstance(inner, Group):
                walk(inner, cfg[name])

    walk(rule_of(get_defaults()), get_defaults())


def test_every_option_has_a_comment():
    source = Path(config.defaults.__file__).read_text()
    options = re.findall(r"^_C\.\S+ = .*$", source, re.MULTILINE)
    groups = re.compile(r"= Config\(\)$")
    bare = [line for line in options if "  # " not in line and not groups.search(line)]
    assert len(options) > 30 and bare == []
