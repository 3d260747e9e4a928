"""Code blocks of Markdown pages, for the tests that run them."""

import re
from pathlib import Path
from typing import NamedTuple

# "In `my_lab/models.py`:", then a block.
_BLOCK = re.compile(
    r"(?:`(?P<file>[\w./-]+)`[^`\n]*:\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """A code block: the file that the line above names, if any, its language, and its text."""

    file: str | None
    language: str
    text: str


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The code blocks of a page in their order, of one language or of all."""
    found = [
        Block(match["file"], match["language"], match["text"])
        for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]
    return [block for block in found if language in (None, block.language)]
