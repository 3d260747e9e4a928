"""What every command-line tool shares: config arguments, overrides, and how errors are shown."""

import argparse
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from utils.errors import ConfigError, PellucidError

_REFUSED = 2
_INTERRUPTED = 130
_PIPE_CLOSED = 141
_KEY = re.compile(r"[A-Z][A-Z_]+(\.\w+)*")  # MODEL.ARGS.width
_BARE_KEY = re.compile(rf"{_KEY.pattern}: ")  # "MODEL.ARGS.width: ..."


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--config-file F`, `--debug` and `KEY VALUE ...` overrides (`parse` fills `.overrides`).

    A parser with these takes no other positional arguments.
    """
    parser.add_argument(
        "--config-file", required=True, metavar="FILE", help="YAML file of the experiment"
    )
    add_debug_argument(parser)
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],
        metavar="KEY VALUE",
        help="options to override, such as SOLVER.LR 1e-4 MODEL.ARGS.width 32",
    )


def add_debug_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--debug` unless the parser has it."""
    try:
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    except argparse.ArgumentError:  # argparse's only way of saying that it is there
        return


def add_backend_argument(parser: argparse.ArgumentParser) -> None:
    """`--backend`: what computes the networks."""
    parser.add_argument(
        "--backend",
        default="auto",
        help="what computes: pytorch, on the CPU native, onnxruntime or openvino, or auto, the "
        "fastest",
    )


def add_plugin_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--plugin MODULE`, to be given any number of times, as a list of names."""
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this module first, for weights of an architecture of your own",
    )


def at_least(least: float) -> Callable[[str], Any]:
    """An argument's `type`: a finite number of the kind of `least`, whole or not, no smaller."""
    kind = type(least)

    def number(word: str) -> Any:
        value = kind(word)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{word} is below {least}")
        if value == float("inf"):
            raise argparse.ArgumentTypeError(f"{word} is no finite number")
        return value

    number.__name__ = "whole number" if kind is int else "number"  # in argparse's own messages
    return number


def add_detector_arguments(parser: Any) -> None:
    """Add `--detector NAME` and `--detector-model FILE`, to a parser or a group of one."""
    parser.add_argument(
        "--detector",
        default="auto",
        metavar="NAME",
        help="what finds faces: yunet, dlib, or auto: YuNet where its file is at hand, else dlib "
        "where it is installed, else YuNet, whose file is then fetched",
    )
    parser.add_argument(
        "--detector-model",
        type=Path,
        metavar="FILE",
        help="YuNet's ONNX file; by default OpenCV's own, fetched on first use",
    )


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse flags that stand before, between and after KEY VALUE overrides.

    The word after a KEY is its value even where it begins with a dash (-1e-4), unless it is one
    of the parser's own flags. A flag that takes any number of words takes those up to the next
    flag or KEY; a file that is there is no KEY.

    Returns:
        The namespace; `.overrides` is the flat list of keys and values.

    Raises:
        ConfigError: a KEY without a value.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    flags: list[str] = []
    overrides: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            overrides += words
            break
        if word.startswith("-"):
            taken = _values_taken(parser, word, words)
            flags += [word, *words[:taken]]
            del words[:taken]
        else:
            overrides.append(word)
            if words and words[0] not in parser._option_string_actions:
                overrides.append(words.pop(0))
            elif words:  # a flag where the value belongs: refused below, after a look for --help
                flags += words
                break
    arguments = parser.parse_args(flags)
    if len(overrides) % 2:
        raise ConfigError(f"override: {overrides[-1]!r} has no value; write KEY VALUE")
    arguments.overrides = overrides
    return arguments


def run_tool(
    main: Callable[[argparse.Namespace], int | None],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None = None,
) -> int:
    """Parse the command line, run `main`, and turn errors a user can mend into one or two lines.

    Returns:
        The exit status: 0 or what `main` gives, 2 after a `PellucidError`, 130 after an interrupt,
        141 where nobody reads the output any more.
    """
    _ask_for_large_pages()
    add_debug_argument(parser)
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = argparse.Namespace(debug="--debug" in words)
    try:
        takes_overrides = parser.get_default("overrides") is not None
        arguments = parse(parser, words) if takes_overrides else parser.parse_args(words)
        status = main(arguments) or 0
        sys.stdout.flush()
        return status
    except PellucidError as error:
        if arguments.debug:
            traceback.print_exc()
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        sys.stderr.write(f"error: {_placed(error, arguments)}{notes}\n")
        return _REFUSED
    except BrokenPipeError:  # "| head" has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        if arguments.debug:
            traceback.print_exc()
        sys.stderr.write("interrupted\n")
        return _INTERRUPTED


def _ask_for_large_pages() -> None:
    """Let PyTorch ask Linux for pages of 2 MB for large tensors on the CPU.

    A tensor's memory comes from the kernel and goes back with the tensor. Mapping and zeroing it
    in pages of 4 kB takes as long as many layers compute on it. Processes started from here do as
    this one; what the user has set stays.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def _values_taken(parser: argparse.ArgumentParser, flag: str, following: Sequence[str]) -> int:
    """How many of the words after `flag` are its own; argparse keeps this to itself."""
    actions = parser._option_string_actions
    if "=" in flag:
        return 0
    names = [flag] if flag in actions else [name for name in actions if name.startswith(flag)]
    if not flag.startswith("--") and flag not in actions or not names:
        return 0
    nargs = actions[names[0]].nargs
    if nargs is None:
        return 1
    if isinstance(nargs, int):
        return nargs
    ends = (i for i, word in enumerate(following) if word in actions or _is_key(word))
    count = next(ends, len(following))
    return min(count, 1) if nargs == argparse.OPTIONAL else count


def _is_key(word: str) -> bool:
    return _KEY.fullmatch(word) is not None and not os.path.exists(word)


def _placed(error: PellucidError, arguments: argparse.Namespace) -> str:
    """The message, with the file or "override" in front where only a key is named."""
    message = str(error)
    config_file = getattr(arguments, "config_file", None)
    if not isinstance(error, ConfigError) or not config_file or not _BARE_KEY.match(message):
        return message
    for key in arguments.overrides[::2]:
        if message.startswith((f"{key}:", f"{key}.")):
            return f"override: {message}"
    return f"{config_file}: {message}"
