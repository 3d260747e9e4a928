"""Flags before and after overrides, and errors in a line or two."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from utils.command_line import add_config_arguments, at_least, parse, run_tool
from utils.errors import ConfigError, DataError

ROOT = Path(__file__).resolve().parents[2]


def tool_parser():
    parser = argparse.ArgumentParser(prog="tool")
    add_config_arguments(parser)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--weights", "-w")
    parser.add_argument("--size", nargs=2, type=int)
    parser.add_argument("--names", nargs="+")
    return parser


@pytest.mark.parametrize(
    "line",
    [
        "--config-file a.yml --resume --weights w.st SOLVER.LR -1e-4 SEED 3",
        "SOLVER.LR -1e-4 SEED 3 --config-file a.yml --resume --weights w.st",
        "--weights w.st SOLVER.LR -1e-4 --resume SEED 3 --config-file=a.yml",
        "SOLVER.LR -1e-4 -w w.st SEED 3 --conf a.yml --resume",
        "--resume --config-file a.yml -ww.st -- SOLVER.LR -1e-4 SEED 3",
    ],
)
def test_flags_may_stand_anywhere(line):
    args = parse(tool_parser(), line.split())
    assert args.overrides == ["SOLVER.LR", "-1e-4", "SEED", "3"]
    assert (args.config_file, args.resume, args.weights) == ("a.yml", True, "w.st")


@pytest.mark.parametrize("value", ["-1", "-1e-4", "-.5", "-x", "--unknown", "", "a b", "{}_x4"])
def test_any_word_but_a_flag_is_a_value(value):
    args = parse(tool_parser(), ["--config-file", "a", "KEY", value, "--resume"])
    assert args.overrides == ["KEY", value] and args.resume


def test_flags_keep_all_their_words():
    line = "--config-file a A 1 --size 3 4 B 2 --names x y"
    args = parse(tool_parser(), line.split())
    assert (args.size, args.names, args.overrides) == ([3, 4], ["x", "y"], ["A", "1", "B", "2"])


def test_a_flag_of_many_words_ends_at_a_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BEST.safetensors").touch()  # reads like a key, but is there
    line = "--config-file a --names x BEST.safetensors SOLVER.LR 1 SEED 2"
    args = parse(tool_parser(), line.split())
    assert args.names == ["x", "BEST.safetensors"]
    assert args.overrides == ["SOLVER.LR", "1", "SEED", "2"]


def test_without_overrides_the_list_is_empty():
    assert parse(tool_parser(), ["--config-file", "a"]).overrides == []


@pytest.mark.parametrize(
    "line",
    ["A 1 LAST --config-file a", "--config-file a A 1 LAST", "--config-file a LAST --resume"],
)
def test_an_odd_word_is_named(line):
    with pytest.raises(ConfigError, match="'LAST' has no value"):
        parse(tool_parser(), line.split())


@pytest.mark.parametrize("line", ["", "--config-file a --resum3", "--config-file"])
def test_argparse_refuses_what_it_always_refuses(line, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(tool_parser(), line.split())
    assert caught.value.code == 2
    capsys.readouterr()


def test_help_shows_every_argument_and_works_anywhere(capsys):
    with pytest.raises(SystemExit) as caught:
        parse(tool_parser(), ["SOLVER.LR", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "--config-file FILE" in text and "KEY VALUE" in text and "--debug" in text


def run_raising(error, *words):
    def main(args):
        raise error

    return run_tool(main, tool_parser(), ["--config-file", "a.yml", *words])


def test_success_is_zero_and_main_gets_the_arguments():
    seen = []
    assert run_tool(seen.append, tool_parser(), ["--config-file", "a", "B", "-1"]) == 0
    assert seen[0].overrides == ["B", "-1"]


def test_an_error_a_user_can_mend_is_one_line(capsys):
    assert run_raising(DataError("train: 3.png has no partner")) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: train: 3.png has no partner\n" and captured.out == ""


def test_an_odd_word_is_one_line_too(capsys):
    assert run_tool(lambda args: None, tool_parser(), ["--config-file", "a", "B"]) == 2
    assert capsys.readouterr().err == "error: override: 'B' has no value; write KEY VALUE\n"


@pytest.mark.parametrize(
    ("message", "words", "shown"),
    [
        ("MODEL.ARGS.x: unknown", [], "a.yml: MODEL.ARGS.x: unknown"),
        ("MODEL.ARGS.x: unknown", ["MODEL.ARGS.x", "1"], "override: MODEL.ARGS.x: unknown"),
        ("MODEL.ARGS.x: unknown", ["MODEL.ARGS", "{x: 1}"], "override: MODEL.ARGS.x: unknown"),
        ("MODEL.ARGS.x: unknown", ["SEED", "1"], "a.yml: MODEL.ARGS.x: unknown"),
        ("a.yml: SEED: wrong", ["SEED", "1"], "a.yml: SEED: wrong"),
        ("override: SEED: wrong", ["SEED", "1"], "override: SEED: wrong"),
        ("w.safetensors: MODEL.NAM: wrong", [], "w.safetensors: MODEL.NAM: wrong"),
    ],
)
def test_a_config_error_says_where_its_key_came_from(capsys, message, words, shown):
    assert run_raising(ConfigError(message), *words) == 2
    assert capsys.readouterr().err == f"error: {shown}\n"


def test_debug_shows_the_traceback(capsys):
    assert run_raising(DataError("gone"), "--debug") == 2
    text = capsys.readouterr().err
    assert "Traceback" in text and text.endswith("error: gone\n")


@pytest.mark.parametrize("word", ["-1", "x", "1.5", "nan"])
def test_a_number_too_small_is_named(capsys, word):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=at_least(0))
    assert parser.parse_args(["--seed", "0"]).seed == 0
    with pytest.raises(SystemExit):
        parser.parse_args(["--seed", word])
    assert "argument --seed" in capsys.readouterr().err


def test_a_number_that_need_not_be_whole_keeps_its_part():
    assert at_least(1.0)("1.5") == 1.5
    with pytest.raises(argparse.ArgumentTypeError, match="nan is below 1.0"):
        at_least(1.0)("nan")
    with pytest.raises(argparse.ArgumentTypeError, match="inf is no finite number"):
        at_least(1.0)("inf")


def test_an_interrupt_is_130_without_a_traceback(capsys):
    assert run_raising(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="closes the reading end of a pipe")
@pytest.mark.parametrize("lines", [1, 100_000])
def test_output_that_nobody_reads_is_no_traceback(lines):
    program = f"""
import argparse, sys
from utils.command_line import run_tool
sys.exit(run_tool(lambda words: print("line\\n" * {lines}), argparse.ArgumentParser(), []))
"""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_defect_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_raising(ZeroDivisionError())


def test_a_tool_with_inputs_of_its_own_keeps_them_and_gets_debug():
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs", nargs="+")
    seen = []
    assert run_tool(seen.append, parser, ["a", "b", "c", "--debug"]) == 0
    assert seen[0].inputs == ["a", "b", "c"] and seen[0].debug


ALLOCATES = """
import argparse, torch
from utils.command_line import run_tool

def flags_of_a_large_tensor(arguments):
    tensor = torch.ones(2**24)
    within = False
    for line in open("/proc/self/smaps"):
        first, *rest = line.split()
        if "-" in first:
            low, high = (int(end, 16) for end in first.split("-"))
            within = low <= tensor.data_ptr() < high
        elif within and first == "VmFlags:":
            print(*rest)

run_tool(flags_of_a_large_tensor, argparse.ArgumentParser(), [])
"""


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux alone tells")
@pytest.mark.parametrize(("chosen", "asked"), [(None, True), ("0", False)])
def test_large_pages_are_asked_for_unless_the_user_chose(chosen, asked):
    name = "THP_MEM_ALLOC_ENABLE"
    others = {key: value for key, value in os.environ.items() if key != name}
    environment = others if chosen is None else others | {name: chosen}
    done = subprocess.run(
        [sys.executable, "-c", ALLOCATES], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert ("hg" in done.stdout.split()) is asked
