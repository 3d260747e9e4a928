"""The one loader: YAML 1.2 scalars, None, duplicate keys, and what does not parse."""

import math

import pytest
import yaml

from config.text import Scalar, parse_value, read_yaml, to_yaml
from utils.errors import ConfigError


def bare(value):
    if isinstance(value, Scalar):
        return value.value
    if isinstance(value, list):
        return [bare(element) for element in value]
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items()}
    return value


VALUES = [
    ("1e-4", 1e-4),
    ("-1e-4", -1e-4),
    ("1E5", 1e5),
    ("+.5", 0.5),
    ("1.", 1.0),
    (".inf", math.inf),
    ("-.inf", -math.inf),
    ("1", 1),
    ("-3", -3),
    ("010", 10),
    ("0x1F", 31),
    ("0o17", 15),
    ("true", True),
    ("False", False),
    ("None", None),
    ("null", None),
    ("~", None),
    ("yes", "yes"),
    ("off", "off"),
    ("1:30", "1:30"),
    ("1_000", "1_000"),
    ("2024-01-01", "2024-01-01"),
    ("inf", "inf"),
    ("e5", "e5"),
    ("'12'", "12"),
    ('"1e-4"', "1e-4"),
    ("'{}_x4'", "{}_x4"),
    ("C:/x:y", "C:/x:y"),
    ("a=b", "a=b"),
    ("[a, b]", ["a", "b"]),
    ("[1e-4, 1, None, [true]]", [1e-4, 1, None, [True]]),
    ("{width: 32, betas: [0.9, 1e-3]}", {"width": 32, "betas": [0.9, 1e-3]}),
    ("[]", []),
    ("{}", {}),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_a_value_arrives_with_the_same_type_from_override_and_file(tmp_path, text, expected):
    file = tmp_path / "a.yml"
    file.write_text(f"key: {text}\n")
    for value in (bare(parse_value(text)), bare(read_yaml(file)["key"])):
        assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}_x4",
        "{}_x4.png",
        "[unclosed",
        "a # b",
        "# b",
        "run: make demo",
        "- a",
        "*.png",
        "@home",
        "%d",
        "`date`",
        "a: b: c",
        "!tag x",
        "!!python/object/apply:os.system ['true']",
        "a\n---\nb",
        "  padded ",
        "\x00",
        "[" * 5000,
    ],
)
def test_an_override_that_does_not_parse_is_a_string_as_it_stands(text):
    assert parse_value(text) == text


@pytest.mark.parametrize("text", ["{a: 1, a: 2}", "[{a: 1, a: 1}]", "{1: x}", "{[a]: x}"])
def test_bad_keys_of_an_override_are_errors(text):
    with pytest.raises(ConfigError, match="twice|must be text"):
        parse_value(text)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("SEED: 1\nSEED: 2\n", 2, "SEED stands twice"),
        ("MODEL:\n  ARGS:\n    a: 1\n    b: 2\n    a: 3\n", 5, "a stands twice"),
        ("a: 1\nb: {}_x4\n", 2, "quote"),
        ("a: [1, 2\nb: 3\n", 2, "no YAML"),
        ("a: 1\n\tb: 2\n", 2, "no YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "not allowed"),
        ("a: !!int x\n", 1, "does not fit"),
        ("a: &x [*x]\n", 1, "hold itself"),
        ("1: x\n", 1, "must be text"),
        ("a: 1\n---\nb: 2\n", 2, "no YAML"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, text, line, problem):
    file = tmp_path / "bad.yml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: line {line}: ") and problem in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["- a\n", "just text\n", "12\n"])
def test_the_top_level_must_be_a_mapping(tmp_path, text):
    file = tmp_path / "a.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="must be a mapping"):
        read_yaml(file)


def test_a_missing_file_proposes_its_neighbour(tmp_path):
    (tmp_path / "sd1_glare.yml").write_text("")
    with pytest.raises(ConfigError, match=r"sd1_glar\.yml: no such file; did you mean .*glare"):
        read_yaml(tmp_path / "sd1_glar.yml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path)


def test_a_binary_file_is_refused_by_name(tmp_path):
    file = tmp_path / "a.yml"
    file.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ConfigError, match=r"a\.yml: "):
        read_yaml(file)
    file.write_bytes(b"a: \x00\n")
    with pytest.raises(ConfigError, match=r"a\.yml: is no YAML"):
        read_yaml(file)


def test_an_empty_file_says_nothing(tmp_path):
    file = tmp_path / "a.yml"
    file.write_text("# all defaults\n")
    assert read_yaml(file) == {}


AWKWARD = {
    "texts": ["1e-4", "None", "yes", "1:30", "010", "true", "", "~", "{}", "a: b", "# c", "-", "é"],
    "numbers": [1e-4, 1e-5, 1e20, -0.0, 1.0, 1, -1, math.inf, True, None],
    "long": "word " * 60 + "\nsecond line\n",
    "z": {"b": {}, "a": []},
}


def test_what_is_written_reads_back_the_same(tmp_path):
    file = tmp_path / "a.yml"
    file.write_text(to_yaml(AWKWARD), encoding="utf-8")
    values = bare(read_yaml(file))
    assert values == AWKWARD and list(values) == list(AWKWARD)
    assert [type(x) for x in values["numbers"]] == [type(x) for x in AWKWARD["numbers"]]


def test_texts_are_safe_from_readers_of_yaml_1_1():
    assert yaml.safe_load(to_yaml(AWKWARD))["texts"] == AWKWARD["texts"]


def test_equal_lists_are_written_twice_not_by_reference():
    shared = [1, 2]
    assert "&" not in to_yaml({"a": shared, "b": shared})
