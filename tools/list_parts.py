"""List what a YAML can name: parts of every kind, their arguments, and what they are.

Examples:
    tools/list_parts.py
    tools/list_parts.py '*net*'
    tools/list_parts.py --config-file my_lab.yml 'My*'
    tools/list_parts.py --plugin my_lab.models

After each kind stands where a YAML names it, {NAME: ..., ARGS: {...}}. An argument shown without
a value must be given. Names match in any case.
"""

import argparse
import os
import sys
import textwrap
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[1])]
sys.path.append(os.getcwd())

from config import load_config
from engine.parts import architecture_facts, find, signature
from modeling import ARCHITECTURES
from utils.command_line import run_tool

_INDENT = " " * 6


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pattern", nargs="?", default="*", help="a shell pattern of names")
    parser.add_argument(
        "--config-file", metavar="FILE", help="list the parts of this YAML's PLUGINS too"
    )
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="MODULE", help="list its parts too"
    )
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Print the parts that match."""
    load_config(arguments.config_file)
    load_config(None, ["PLUGINS", f"[{', '.join(arguments.plugin)}]"])
    for kind, names in find(arguments.pattern):
        print(f"{kind.title} ({kind.place})")
        for name in names:
            print(_wrapped(signature(kind.registry, name), "  "))
            facts = architecture_facts(name) if kind.registry is ARCHITECTURES else ""
            for line in filter(None, (kind.registry.summary(name), facts)):
                print(_wrapped(line, _INDENT))
        print()


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(
        text, 100, initial_indent=indent, subsequent_indent=_INDENT, break_long_words=False
    )


if __name__ == "__main__":
    sys.exit(run_tool(main, build_parser()))
